"""Content negotiation of DICOMweb (PS3.18, 8.7): media types with a transfer syntax, by header or query parameter."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.http.request import MediaType

from apps.dicomweb.refusal import Refused

LONGEST = 4096
MULTIPART = "multipart/related"
ANY_SYNTAX = "*"


@dataclass(frozen=True, slots=True)
class Acceptable:
    """A media type, which may be a range such as `image/*`, alone or in parts; a transfer syntax, `*` for the one in
    which it is stored, '' where the client does not say.
    """

    media_type: str
    transfer_syntax_uid: str = ""
    is_multipart: bool = False

    def takes(self, media_type: str) -> bool:
        """Whether the client takes this media type."""
        kind, _, subtype = self.media_type.partition("/")
        own_kind, _, own_subtype = media_type.partition("/")
        return kind in ("*", own_kind) and subtype in ("*", own_subtype)

    def takes_syntax(self, transfer_syntax_uid: str) -> bool:
        """Whether the client takes this transfer syntax."""
        return self.transfer_syntax_uid in ("", ANY_SYNTAX, transfer_syntax_uid)


def acceptables(request: HttpRequest) -> Iterator[Acceptable]:
    """What the client takes, what it likes best first. The parameter `accept` comes before the header (8.3.3.1).

    Raises Refused.
    """
    given = request.GET.get("accept") or request.headers.get("Accept", "*/*")
    if len(given) > LONGEST:  # the library's parser takes the square of it
        raise Refused(400, f"accept has {LONGEST} characters at most")
    try:
        types = [MediaType(each) for each in given.split(",") if each.strip()]
    except ValueError as error:
        raise Refused(400, "accept is a list of media types") from error
    for accepted in sorted(types, key=lambda each: each.quality, reverse=True):
        if not accepted.quality:
            continue
        parameters = {name: str(value) for name, value in accepted.params.items()}
        syntax = parameters.get("transfer-syntax", "")
        media_type = f"{accepted.main_type}/{accepted.sub_type}".lower()
        if media_type == MULTIPART:
            yield Acceptable(parameters.get("type", "*/*").lower(), syntax, is_multipart=True)
        else:
            yield Acceptable(media_type, syntax)
