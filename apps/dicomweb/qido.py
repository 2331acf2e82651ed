"""QIDO-RS, the Search transaction (PS3.18, 10.6), over one facility's studies, series and instances."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import reverse

from apps.audit.record import record
from apps.catalog.attributes import ATTRIBUTES, JSON, Attribute, Level, rows_of
from apps.catalog.models import Instance, Series, Study
from apps.catalog.search import matching_instances, matching_series, matching_studies
from apps.dicomweb.qido_request import ALL, MalformedQuery, Search, read_search
from apps.dicomweb.refusal import refusal
from apps.dicomweb.xml import native_dicom_model
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Scope

XML = 'multipart/related; type="application/dicom+xml"'
RESPONSE_TYPES = ["application/dicom+json", "application/json", XML]
MORE = "There are additional results that can be requested"
SPECIFIC_CHARACTER_SET, RETRIEVE_URL = "00080005", "00081190"
_MATCHING: dict[Level, Any] = {
    Level.STUDY: matching_studies,
    Level.SERIES: matching_series,
    Level.INSTANCE: matching_instances,
}
Row = Study | Series | Instance


@facility_door(scope=Scope.READ)
def studies(request: FacilityRequest) -> HttpResponse:
    """Studies of the facility."""
    return _answer(request, Level.STUDY, {})


@facility_door(scope=Scope.READ)
def series(request: FacilityRequest, study_instance_uid: str = "") -> HttpResponse:
    """Series of one study, or of the facility."""
    return _answer(request, Level.SERIES, {"StudyInstanceUID": study_instance_uid})


@facility_door(scope=Scope.READ)
def instances(request: FacilityRequest, study_instance_uid: str = "", series_instance_uid: str = "") -> HttpResponse:
    """Instances of one series, of one study, or of the facility."""
    fixed = {"StudyInstanceUID": study_instance_uid, "SeriesInstanceUID": series_instance_uid}
    return _answer(request, Level.INSTANCE, fixed)


def _answer(request: FacilityRequest, level: Level, path: dict[str, str]) -> HttpResponse:
    media_type = request.get_preferred_type(RESPONSE_TYPES)
    if media_type is None:
        return refusal(406, f"The response can be one of: {', '.join(RESPONSE_TYPES)}")
    fixed = {keyword: uid for keyword, uid in path.items() if uid}
    try:
        search = read_search(request.GET, level, fixed)
    except MalformedQuery as error:
        return refusal(400, error.message)
    matching: QuerySet[Row] = _MATCHING[level](request.facility.pk, search.criteria)
    found = list(matching[search.offset : search.offset + search.limit + 1])
    record(
        "catalog.searched",
        actor=request.actor,
        object_type="facility",
        object_id=request.facility.pk,
        facility_id=request.facility.pk,
        level=level.name.lower(),
        count=len(found[: search.limit]),
    )
    root = request.build_absolute_uri(reverse("dicomweb:studies", args=[request.facility.slug]))
    returned = _returned(level, search, fixed)
    data_sets = [_data_set(row, level, returned, root) for row in found[: search.limit]]
    response = _rendered(data_sets, media_type)
    if len(found) > search.limit:
        response["Warning"] = f'299 {root.removesuffix("/studies")} "{MORE}"'
        response["Link"] = f'<{_page_after(request, search)}>; rel="next"'
    return response


def _page_after(request: FacilityRequest, search: Search) -> str:
    query = request.GET.copy()
    query["offset"] = str(search.offset + search.limit)
    return request.build_absolute_uri(f"?{query.urlencode()}")


def _returned(level: Level, search: Search, fixed: dict[str, str]) -> list[Attribute]:
    """Attributes of the level always, of the levels above where the address leaves them open (PS3.18, 10.6.3.3)."""
    given = {Level.STUDY: "StudyInstanceUID" in fixed, Level.SERIES: "SeriesInstanceUID" in fixed}

    def is_returned(attribute: Attribute) -> bool:
        if attribute.tag in search.included or attribute.keyword in fixed:
            return True
        is_open = attribute.level == level or not given[attribute.level]
        return is_open and (attribute.is_always or ALL in search.included)

    return [attribute for attribute in ATTRIBUTES if attribute.level <= level and is_returned(attribute)]


def _data_set(row: Row, level: Level, returned: Sequence[Attribute], root: str) -> JSON:
    rows = rows_of(row)
    found: JSON = {attribute.tag: attribute.of(rows[attribute.level]) for attribute in returned}
    found[SPECIFIC_CHARACTER_SET] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    uids = [rows[Level.STUDY].study_instance_uid]
    uids += ["series", rows[Level.SERIES].series_instance_uid] if level >= Level.SERIES else []
    uids += ["instances", rows[Level.INSTANCE].sop_instance_uid] if level >= Level.INSTANCE else []
    found[RETRIEVE_URL] = {"vr": "UR", "Value": ["/".join([root, *uids])]}
    return dict(sorted(found.items()))


def _rendered(data_sets: Sequence[JSON], media_type: str) -> HttpResponse:
    if not data_sets:
        return HttpResponse(status=204)  # PS3.18, 8.3.4.4.1
    if media_type != XML:
        return HttpResponse(json.dumps(data_sets, ensure_ascii=False), content_type=media_type)
    boundary = uuid4().hex
    head = f"--{boundary}\r\nContent-Type: application/dicom+xml\r\n\r\n".encode()
    body = b"".join(head + native_dicom_model(data_set) + b"\r\n" for data_set in data_sets)
    return HttpResponse(body + f"--{boundary}--\r\n".encode(), content_type=f"{XML}; boundary={boundary}")
