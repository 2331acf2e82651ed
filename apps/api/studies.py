"""Studies: listed, searched for, one with its storage period and copies; kept longer, held, and released."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import doer, valid
from apps.api.paging import PAGED, Page, limit_of, listed, page_of, page_serializer, read_cursor, write_cursor
from apps.api.resource import Resource
from apps.api.study_serializers import (
    ExtensionSerializer,
    HoldSerializer,
    ListedConflictSerializer,
    ListedStudySerializer,
    SearchSerializer,
    StudySerializer,
)
from apps.audit.record import record
from apps.catalog.criteria import StudyCriteria
from apps.catalog.holds import place_hold, release_hold
from apps.catalog.models import Conflict, Hold, HoldKind, Series, Study
from apps.catalog.search import search_studies
from apps.collection.models import Collection
from apps.retention.deciding import extend
from apps.retention.explaining import explained, missing_in_words
from apps.retention.models import Extension, Retention
from apps.vault.models import Pack
from apps.vault.standing import is_damaged

OPEN = OpenApiParameter("open", bool, description="only those that nobody has decided on yet")
STUDIES = page_serializer("studies", ListedStudySerializer)


class StudiesView(Resource):
    """The facility's studies."""

    tag = "Studies"

    @extend_schema(operation_id="studies_list", responses=STUDIES, parameters=PAGED)
    def get(self, request: Request) -> Response:
        """All studies, newest first. By patient and the like they are searched for."""
        page = _searched(request, StudyCriteria(), request.query_params.get("cursor", ""), limit_of(request))
        return listed(request, "studies", ListedStudySerializer, page)


class StudySearchView(Resource):
    """Searches."""

    tag = "Studies"
    asks = True

    @extend_schema(
        operation_id="studies_search", request=SearchSerializer, responses=STUDIES,
        examples=[
            OpenApiExample(
                "This year's CT of a name", {"criteria": {"patient_name": "Yamada*", "study_date_from": "2026-01-01",
                "modalities": ["CT"]}, "limit": 50}, request_only=True,
            )
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Search by the accompanying information, newest first. Nothing is changed."""
        asked = valid(SearchSerializer, request)
        given = {name: value for name, value in asked["criteria"].items() if value not in (None, "", [])}
        if "modalities" in given:
            given["modalities"] = tuple(given["modalities"])
        page = _searched(request, StudyCriteria(**given), asked["cursor"], asked["limit"])
        return Response({"studies": ListedStudySerializer(page.rows, many=True).data, "next": page.next})


class StudyView(Resource):
    """One study."""

    tag = "Studies"

    @extend_schema(operation_id="studies_retrieve", responses=StudySerializer)
    def get(self, request: Request, study_instance_uid: str) -> Response:
        """A study: its series, until when it is kept and why, what holds it, its copies, how it came."""
        study = found_study(request, study_instance_uid)
        door = entered(request)
        record("study.viewed", actor=door.actor, object_type="study", object_id=study.pk, facility_id=door.facility.pk)
        return Response(StudySerializer(_whole(study)).data)


class ConflictsView(Resource):
    """Files that contradict what is stored."""

    tag = "Studies"

    @extend_schema(
        operation_id="conflicts_list", responses=page_serializer("conflicts", ListedConflictSerializer),
        parameters=[*PAGED, OPEN],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Files that contradict stored ones, the latest first, and what the center's staff decided of each."""
        found = Conflict.objects.filter(facility=entered(request).facility).select_related("study")
        if serializers.BooleanField().to_internal_value(request.query_params.get("open", "false")):
            found = found.filter(resolved_at=None)
        page = page_of(request, found, "-pk")
        note_listed(request, len({each.study_id for each in page.rows}))
        return listed(request, "conflicts", ListedConflictSerializer, page)


class ExtensionsView(Resource):
    """Extensions of a study's storage period."""

    tag = "Storage periods"

    @extend_schema(
        operation_id="studies_extend", request=ExtensionSerializer, responses={201: ExtensionSerializer},
        examples=[OpenApiExample("Five years", {"period": "P5Y", "reason": "open complaint"}, request_only=True)],
    )  # fmt: skip
    def post(self, request: Request, study_instance_uid: str) -> Response:
        """Keep a study longer, from the day it would end or from today, whichever is later. It is charged."""
        study, asked = found_study(request, study_instance_uid), valid(ExtensionSerializer, request)
        made = extend(study, **asked, actor=entered(request).actor, now=timezone.now(), by=doer(request))
        return Response(ExtensionSerializer(made).data, status=status.HTTP_201_CREATED)


class HoldsView(Resource):
    """Holds of a study."""

    tag = "Storage periods"

    @extend_schema(
        operation_id="studies_hold", request=HoldSerializer, responses={201: HoldSerializer},
        examples=[OpenApiExample("A complaint", {"reason": "complaint of June"}, request_only=True)],
    )  # fmt: skip
    def post(self, request: Request, study_instance_uid: str) -> Response:
        """Hold a study until somebody releases it."""
        study, asked = found_study(request, study_instance_uid), valid(HoldSerializer, request)
        hold = place_hold(study, kind=HoldKind.FACILITY, reason=asked["reason"], actor=entered(request).actor,
                          now=timezone.now(), by=doer(request))  # fmt: skip
        return Response(HoldSerializer(hold).data, status=status.HTTP_201_CREATED)


class ReleaseView(Resource):
    """The end of a hold."""

    tag = "Storage periods"

    @extend_schema(operation_id="holds_release", request=None, responses={204: None})
    def post(self, request: Request, hold_id: int) -> Response:
        """Release a hold of the facility's own. A legal one takes two people, in the portal."""
        door = entered(request)
        hold = Hold.objects.filter(facility=door.facility, pk=hold_id, kind=HoldKind.FACILITY).first()
        if hold is None:
            raise NotFound
        release_hold(hold, by=doer(request), actor=door.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def found_study(request: Request, uid: str) -> Study:
    """The facility's study. Raises NotFound."""
    studies = Study.objects.select_related("patient").filter(facility=entered(request).facility)
    study = studies.filter(study_instance_uid=uid, instance_count__gt=0).first()
    if study is None:
        raise NotFound
    return study


def _searched(request: Request, criteria: StudyCriteria, cursor: str, limit: int) -> Page[Study]:
    door = entered(request)
    after = read_cursor(request, cursor) if cursor else ""
    found = search_studies(door.facility.pk, criteria, after=after, limit=limit)
    note_listed(request, len(found.studies))
    return Page(found.studies, write_cursor(request, found.next) if found.next else None)


def note_listed(request: Request, count: int) -> None:
    """Put on record that somebody was shown so many studies; none is nothing."""
    door = entered(request)
    if count:
        record("studies.listed", actor=door.actor, object_type="facility", object_id=door.facility.pk,
               facility_id=door.facility.pk, count=count)  # fmt: skip


def _whole(study: Study) -> Any:
    """The study with the attributes that StudySerializer names."""
    of_facility: dict[str, Any] = {"facility_id": study.facility_id}
    retention = Retention.objects.filter(**of_facility, study=study).first()
    packs = Pack.objects.filter(**of_facility, instances__series__study=study).annotate(is_damaged=is_damaged())
    collections = Collection.objects.filter(**of_facility, files__instance__series__study=study).distinct()
    told = {
        "period": retention and {
            "kept_until": retention.kept_until,
            "certain_until": retention.certain_until,
            "missing": missing_in_words(retention.missing),
            "floors": explained(retention),
        },
        "holds": Hold.objects.filter(**of_facility, study=study, released_at=None).order_by("pk"),
        "extensions": Extension.objects.filter(**of_facility, study=study).order_by("-pk"),
        "series": Series.objects.filter(**of_facility, study=study).order_by("series_number", "id"),
        "conflicts": Conflict.objects.filter(**of_facility, study=study).order_by("pk"),
        "copies": packs.distinct().order_by("created_at", "pk"),
        "collections": collections.order_by("opened_at", "pk"),
    }  # fmt: skip
    return told | {name: getattr(study, name) for name in ListedStudySerializer.Meta.fields}
