"""Frames by WADO-RS (PS3.18, 10.4.1.2): as they are stored, or uncompressed, in parts or one by itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from apps.catalog.bytes import open_instance
from apps.catalog.frames import Frames
from apps.catalog.models import Instance
from apps.catalog.part10 import EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN
from apps.core.ranges import AFTER_ASKING, tagged
from apps.core.streaming import streamed
from apps.dicomweb.accept import Acceptable, acceptables
from apps.dicomweb.multipart import Multipart
from apps.dicomweb.refusal import Refused, refusing
from apps.dicomweb.targets import looked_at, syntax_of
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Scope

OCTETS = "application/octet-stream"
MOST_FRAMES = 100_000
_LIST = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*")
_NATIVE = {IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN}
_JPEG, _JLS, _JP2, _JPX, _HTJ2K = "image/jpeg", "image/jls", "image/jp2", "image/jpx", "image/jphc"
_MEDIA_TYPES = {  # PS3.18, Table 8.7.3-5, by the end of the UID
    "5": "image/dicom-rle",
    **dict.fromkeys(("4.50", "4.51", "4.57", "4.70"), _JPEG),
    **dict.fromkeys(("4.80", "4.81"), _JLS),
    **dict.fromkeys(("4.90", "4.91"), _JP2),
    **dict.fromkeys(("4.92", "4.93"), _JPX),
    **dict.fromkeys(("4.201", "4.202", "4.203"), _HTJ2K),
    **dict.fromkeys(("4.110", "4.111", "4.112"), "image/jxl"),
}


@dataclass(frozen=True, slots=True)
class _Form:
    media_type: str
    transfer_syntax_uid: str
    is_decoded: bool

    @property
    def content_type(self) -> str:
        return f"{self.media_type}; transfer-syntax={self.transfer_syntax_uid}"


@facility_door(scope=Scope.READ, own_scope=True)
@refusing
def frames(request: FacilityRequest, frames: str, **uids: str) -> HttpResponseBase:
    """The frames of a list of numbers from 1, in its order."""
    if not _LIST.fullmatch(frames) or len(numbers := [int(each) for each in frames.split(",")]) > MOST_FRAMES:
        raise Refused(400, "Frames are numbers from 1, between commas")
    if len(set(numbers)) < len(numbers):  # or a short address would be work for minutes
        raise Refused(400, "A frame is named once")
    return frames_of(request, looked_at(request, uids), numbers)


def frames_of(request: FacilityRequest, instance: Instance, numbers: list[int]) -> HttpResponseBase:
    """The frames in the form that the client likes best. Raises Refused, NotRenderable."""
    forms = _forms(syntax_of(instance))
    for accepted in acceptables(request):
        form = next((form for form in forms if _fits(accepted, form)), None)
        if form is None:
            continue
        is_alone = not accepted.is_multipart and "*" not in accepted.media_type
        if is_alone and len(numbers) == 1:
            return _alone(request, instance, numbers[0], form)
        if not is_alone:
            return _in_parts(instance, numbers, form)
    offered = " or ".join(f'"{form.media_type}"; transfer-syntax={form.transfer_syntax_uid}' for form in forms)
    raise Refused(406, f"The answer can be multipart/related; type={offered}; one frame also without multipart")


def _forms(stored: str) -> list[_Form]:
    """As stored, under its own media type and as octets; uncompressed."""
    native = _Form(OCTETS, EXPLICIT_LITTLE_ENDIAN, is_decoded=True)
    if stored in _NATIVE:
        return [native]
    own = _MEDIA_TYPES.get(stored.removeprefix(f"{IMPLICIT_LITTLE_ENDIAN}."), OCTETS)
    return [_Form(own, stored, is_decoded=False), _Form(OCTETS, stored, is_decoded=False), native]


def _fits(accepted: Acceptable, form: _Form) -> bool:
    """Octets without a transfer syntax are uncompressed ones (PS3.18, 8.7.3.3.2); `*/*` is what is stored."""
    if not accepted.takes(form.media_type) or not accepted.takes_syntax(form.transfer_syntax_uid):
        return False
    return form.is_decoded or accepted.media_type != OCTETS or accepted.transfer_syntax_uid != ""


def _alone(request: FacilityRequest, instance: Instance, number: int, form: _Form) -> HttpResponseBase:
    etag = f'"{bytes(instance.sha256).hex()[:24]}-{number}-{form.transfer_syntax_uid}"'
    if answer := tagged(request, etag):
        return answer
    with open_instance(instance) as file:
        content = _frame(Frames(file), number, form)
    headers = {"ETag": etag, "Cache-Control": AFTER_ASKING}
    return HttpResponse(content, content_type=form.content_type, headers=headers)


def _in_parts(instance: Instance, numbers: list[int], form: _Form) -> HttpResponseBase:
    multipart = Multipart(form.media_type)
    return streamed(_parts(open_instance(instance), numbers, form, multipart), multipart.content_type)


def _parts(file: BinaryIO, numbers: list[int], form: _Form, multipart: Multipart) -> Iterator[bytes]:
    with file:
        found = Frames(file)
        for at, number in enumerate(numbers):
            content = _frame(found, number, form)
            yield multipart.head(form.content_type, is_first=at == 0)
            yield content
    yield multipart.end


def _frame(found: Frames, number: int, form: _Form) -> bytes:
    return found.decoded(number) if form.is_decoded else found.stored(number)
