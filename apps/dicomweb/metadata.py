"""Metadata and bulk data by WADO-RS (PS3.18, 10.4.1.1.2 and 10.4.1.1.5)."""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256

from django.http.response import HttpResponseBase
from django.urls import reverse

from apps.catalog.attributes import JSON
from apps.catalog.bounds import Unreadable
from apps.catalog.bytes import instance_range, open_instance
from apps.catalog.content import BINARY_VRS, Content, json_of, read_content
from apps.catalog.elements import PIXEL_DATA
from apps.catalog.models import Instance
from apps.catalog.preview import NotRenderable
from apps.core.ranges import AFTER_ASKING, in_parts, tagged
from apps.core.streaming import streamed
from apps.dicomweb.accept import acceptables
from apps.dicomweb.frames import OCTETS, frames_of
from apps.dicomweb.multipart import Multipart
from apps.dicomweb.refusal import Refused, refusing
from apps.dicomweb.targets import looked_at, retrieved, syntax_of
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Scope

JSON_TYPES = ("application/dicom+json", "application/json")
AVAILABLE_TRANSFER_SYNTAX_UID = "00083002"
_PATH = re.compile(r"[0-9A-Fa-f]{8}(/[1-9][0-9]{0,6}/[0-9A-Fa-f]{8}){0,16}")
_BYTES_ALONE = ("OB", "UN")
log = logging.getLogger(__name__)


@facility_door(scope=Scope.READ, own_scope=True)
@refusing
def metadata(request: FacilityRequest, **uids: str) -> HttpResponseBase:
    """All attributes of the instances of a study, a series, or of one, with addresses instead of large values."""
    media_type = _json_type(request)
    found = retrieved(request, uids, "metadata")
    root = request.build_absolute_uri(reverse("dicomweb:studies", args=[request.facility.slug]))
    etag = f'"{sha256(b"".join([root.encode(), *(bytes(each.sha256) for each in found)])).hexdigest()[:32]}"'
    if answer := tagged(request, etag):
        return answer
    response = streamed(_array(found, root), media_type)
    response["ETag"], response["Cache-Control"] = etag, AFTER_ASKING
    return response


@facility_door(scope=Scope.READ, own_scope=True)
@refusing
def bulkdata(request: FacilityRequest, path: str, **uids: str) -> HttpResponseBase:
    """One large value, by the address that the metadata has of it."""
    if not _PATH.fullmatch(path):
        raise Refused(400, "A value is named by its tag, or by tag/item/tag in a sequence")
    instance = looked_at(request, uids)
    with open_instance(instance) as file:
        content = read_content(file)
        tag, *nested = path.split("/")
        if content.is_encapsulated and int(tag, 16) == PIXEL_DATA:
            count = int(content.data_set.get("NumberOfFrames") or 1)
            return frames_of(request, instance, list(range(1, count + 1)))
        return _value(request, instance, content, int(tag, 16), nested)


def _value(
    request: FacilityRequest, instance: Instance, content: Content, tag: int, nested: list[str]
) -> HttpResponseBase:
    is_large = tag in content.large and not nested
    vr, value = (content.vr(tag), b"") if is_large else _small(content, tag, nested)
    if content.is_big_endian and vr not in _BYTES_ALONE:
        raise Refused(406, "The value is stored in big endian: retrieve the instance")
    length = content.large[tag].length if is_large else len(value)
    if is_large and not content.is_deflated:
        read = partial(_range_of, instance, content.large[tag].value_at)
    else:
        value = content.source.read_at(content.large[tag].value_at, length) if is_large else value
        read = partial(_slice_of, value)
    etag = f'"{bytes(instance.sha256).hex()[:24]}-{tag:08x}{"-".join(nested)}"'
    for accepted in acceptables(request):
        if accepted.takes(OCTETS) and not accepted.is_multipart and accepted.media_type == OCTETS:
            return in_parts(request, read, size=length, etag=etag, content_type=OCTETS, is_kept=True)
        if accepted.takes(OCTETS):
            multipart = Multipart(OCTETS)
            return streamed(_in_a_part(multipart, read(0, length)), multipart.content_type)
    raise Refused(406, f'The answer can be multipart/related; type="{OCTETS}" or {OCTETS}')


def _small(content: Content, tag: int, nested: list[str]) -> tuple[str, bytes]:
    """VR and value of an element that is in memory. Raises Refused."""
    data_set, last = content.data_set, tag
    try:
        for item, inner in zip(nested[::2], nested[1::2], strict=True):
            data_set, last = data_set[last].value[int(item) - 1], int(inner, 16)
        element = data_set[last]
    except (KeyError, IndexError, TypeError):
        raise Refused(404, "The instance has no such value") from None
    if element.VR not in BINARY_VRS:
        raise Refused(404, "The value is not bulk data: the metadata has it")
    return element.VR, bytes(element.value or b"")


def _range_of(instance: Instance, start: int, offset: int, size: int) -> Iterator[bytes]:
    return instance_range(instance, start + offset, size)


def _slice_of(value: bytes, offset: int, size: int) -> Iterator[bytes]:
    yield value[offset : offset + size]


def _in_a_part(multipart: Multipart, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield multipart.head(OCTETS, is_first=True)
    yield from pieces
    yield multipart.end


def _json_type(request: FacilityRequest) -> str:
    for accepted in acceptables(request):
        for media_type in JSON_TYPES:
            if accepted.takes(media_type) and not accepted.is_multipart:
                return media_type
    raise Refused(406, f"The answer can be {' or '.join(JSON_TYPES)}")


def _array(found: Sequence[Instance], root: str) -> Iterator[bytes]:
    for number, instance in enumerate(found):
        yield (b"," if number else b"[") + json.dumps(_attributes(instance, root), ensure_ascii=False).encode()
    yield b"]"


def _attributes(instance: Instance, root: str) -> JSON:
    """What the file holds, and what it is stored as; of a file that cannot be read whole, what it is."""
    series = instance.series
    study_uid, series_uid = series.study.study_instance_uid, series.series_instance_uid
    address = f"{root}/{study_uid}/series/{series_uid}/instances/{instance.sop_instance_uid}/bulkdata"
    try:
        with open_instance(instance) as file:
            found = json_of(read_content(file), lambda path: f"{address}/{path}")
    except (Unreadable, NotRenderable) as error:
        log.warning("Instance %s has no metadata but its UIDs: %s", instance.pk, error)
        named = {"00080016": instance.sop_class_uid, "00080018": instance.sop_instance_uid}
        named |= {"0020000D": study_uid, "0020000E": series_uid}
        found = {tag: {"vr": "UI", "Value": [uid]} for tag, uid in named.items()}
    found[AVAILABLE_TRANSFER_SYNTAX_UID] = {"vr": "UI", "Value": [syntax_of(instance)]}
    return found
