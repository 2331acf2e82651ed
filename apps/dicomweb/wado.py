"""WADO-RS, the Retrieve transaction (PS3.18, 10.4): instances as they are stored, streamed from their packs, or in
Explicit VR Little Endian where the client asks for that.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from django.http.response import HttpResponseBase

from apps.catalog.bytes import instance_pieces, instance_range, instances_pieces, open_instance
from apps.catalog.models import Instance
from apps.catalog.part10 import EXPLICIT_LITTLE_ENDIAN
from apps.catalog.transcoding import Plain, can_transcode, explicit_little_endian
from apps.core.ranges import in_parts
from apps.core.streaming import streamed
from apps.dicomweb.accept import Acceptable, acceptables
from apps.dicomweb.multipart import Multipart
from apps.dicomweb.refusal import Refused, refusing
from apps.dicomweb.targets import retrieved, syntax_of
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Scope

DICOM = "application/dicom"


@facility_door(scope=Scope.READ, own_scope=True)
@refusing
def instances(request: FacilityRequest, **uids: str) -> HttpResponseBase:
    """All instances of a study or a series, in parts."""
    found = retrieved(request, uids)
    for accepted in acceptables(request):
        if accepted.takes(DICOM) and _is_in_parts(accepted) and _can_all(accepted, found):
            return _in_parts(found, accepted)
    raise _not_acceptable(found, f'multipart/related; type="{DICOM}"')


@facility_door(scope=Scope.READ, own_scope=True)
@refusing
def instance(request: FacilityRequest, **uids: str) -> HttpResponseBase:
    """One instance, in the one part of a multipart answer or by itself."""
    found = retrieved(request, uids)
    for accepted in acceptables(request):
        if not accepted.takes(DICOM) or not _can_all(accepted, found):
            continue
        if _is_in_parts(accepted):
            return _in_parts(found, accepted)
        return _by_itself(request, found[0], accepted)
    raise _not_acceptable(found, f'multipart/related; type="{DICOM}", {DICOM}')


def _is_in_parts(accepted: Acceptable) -> bool:
    """Who takes anything gets parts, the default of the transaction (PS3.18, 8.7.3.1)."""
    return accepted.is_multipart or accepted.media_type != DICOM


def _is_as_stored(accepted: Acceptable, instance: Instance) -> bool:
    return accepted.takes_syntax(syntax_of(instance))


def _can_all(accepted: Acceptable, found: Sequence[Instance]) -> bool:
    """Whether all are stored in the transfer syntax, or can be given in it."""
    is_plain = accepted.transfer_syntax_uid == EXPLICIT_LITTLE_ENDIAN
    return all(_is_as_stored(accepted, each) or (is_plain and can_transcode(syntax_of(each))) for each in found)


def _in_parts(found: Sequence[Instance], accepted: Acceptable) -> HttpResponseBase:
    multipart = Multipart(DICOM)
    if not all(_is_as_stored(accepted, each) for each in found):
        return streamed(_transcoded(found, accepted, multipart), multipart.content_type)
    heads = [multipart.head(_content_type(each), is_first=each is found[0]) for each in found]
    length = sum(map(len, heads)) + sum(each.length_bytes for each in found) + len(multipart.end)
    return streamed(_joined(found, heads, multipart.end), multipart.content_type, length)


def _joined(found: Sequence[Instance], heads: Sequence[bytes], end: bytes) -> Iterator[bytes]:
    left, current = iter(heads), None
    for each, piece in instances_pieces(found):
        if each is not current:
            yield next(left)
            current = each
        yield piece
    yield end


def _transcoded(found: Sequence[Instance], accepted: Acceptable, multipart: Multipart) -> Iterator[bytes]:
    """How long it becomes is not known before it is made; that it is whole, its last boundary tells."""
    for number, each in enumerate(found):
        yield multipart.head(_content_type(each, EXPLICIT_LITTLE_ENDIAN), is_first=number == 0)
        yield from instance_pieces(each) if _is_as_stored(accepted, each) else _plain(each).pieces
    yield multipart.end


def _plain(instance: Instance) -> Plain:
    return explicit_little_endian(open_instance(instance))


def _by_itself(request: FacilityRequest, found: Instance, accepted: Acceptable) -> HttpResponseBase:
    if not _is_as_stored(accepted, found):
        plain = _plain(found)
        return streamed(plain.pieces, _content_type(found, EXPLICIT_LITTLE_ENDIAN), plain.length)
    return in_parts(
        request,
        partial(instance_range, found),
        size=found.length_bytes,
        etag=f'"{bytes(found.sha256).hex()}"',
        content_type=_content_type(found),
        is_kept=True,
    )


def _content_type(instance: Instance, transfer_syntax_uid: str = "") -> str:
    return f"{DICOM}; transfer-syntax={transfer_syntax_uid or syntax_of(instance)}"


def _not_acceptable(found: Sequence[Instance], media_types: str) -> Refused:
    stored = {syntax_of(each) for each in found}
    plain = f", or {EXPLICIT_LITTLE_ENDIAN}" if all(map(can_transcode, stored)) else ""
    listed = ", ".join(sorted(stored))
    return Refused(
        406, f"The answer can be {media_types}, with transfer-syntax=* or as stored, which is {listed}{plain}"
    )
