"""Care events: reported by a facility's own programs, and read back."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import BoundedListField, valid
from apps.api.paging import PAGED, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.api.studies import found_study
from apps.audit.record import record
from apps.retention.care_event_lists import MOST, Line, report_list
from apps.retention.care_events import told_of
from apps.retention.models import CareEvent, CareEventKind


class CareEventSerializer(serializers.Serializer[Any]):
    """One event of one patient; what it says is checked by itself."""

    patient_id = serializers.CharField(max_length=64)
    issuer = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    event = serializers.CharField(max_length=40)
    date = serializers.CharField(max_length=20)


class CareEventsSerializer(serializers.Serializer[Any]):
    """A report."""

    events = BoundedListField(child=CareEventSerializer(), min_length=1, max_length=MOST)


class RefusedEventSerializer(serializers.Serializer[Any]):
    """An event that was not taken; `index` is its place in the report."""

    index = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ReportedSerializer(serializers.Serializer[Any]):
    """How many events are new, how many were known, and which were refused."""

    reported = serializers.IntegerField()
    known = serializers.IntegerField()
    refused = RefusedEventSerializer(many=True)


class ToldEventSerializer(serializers.ModelSerializer[CareEvent]):
    """An event that was told, and by whom: a person, or a program by its token's label."""

    patient_id = serializers.CharField(source="patient.patient_id")
    issuer = serializers.CharField(source="patient.issuer_of_patient_id")
    event = serializers.ChoiceField(choices=CareEventKind.choices, source="kind")
    date = serializers.DateField(source="happened_on")
    told_by = serializers.SerializerMethodField()

    class Meta:
        model = CareEvent
        fields = ("patient_id", "issuer", "event", "date", "reported_at", "told_by")

    def get_told_by(self, event: CareEvent) -> str:
        return str(event.reported_by or event.device_token or "")


TOLD = page_serializer("care_events", ToldEventSerializer)


class CareEventsView(Resource):
    """Care events, reported by a facility's programs and people."""

    tag = "Care events"

    @extend_schema(operation_id="care_events_list", responses=TOLD, parameters=PAGED)
    def get(self, request: Request) -> Response:
        """What was told of care events, the latest word first."""
        return _listed(request, CareEvent.objects.filter(facility=entered(request).facility))

    @extend_schema(
        operation_id="care_events_create", request=CareEventsSerializer, responses=ReportedSerializer,
        examples=[
            OpenApiExample(
                "Completed", {"events": [{"patient_id": "100590", "event": "care_completed", "date": "2024-06-10"}]},
                request_only=True,
            )
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Report care events. One that is wrong keeps back no other."""
        given = valid(CareEventsSerializer, request)
        lines = [
            Line(index, each["patient_id"], each["event"], each["date"], each["issuer"])
            for index, each in enumerate(given["events"])
        ]
        door = entered(request)
        reported = report_list(door.facility, lines, actor=door.actor, now=timezone.now(), token=door.token)
        refused = [
            {"index": each.line.number, "code": each.refusal.code, "detail": each.refusal.message}
            for each in reported
            if each.refusal
        ]
        count = sum(each.is_new for each in reported)
        return Response({"reported": count, "known": len(reported) - count - len(refused), "refused": refused})


class CareEventsOfStudyView(Resource):
    """Care events of one patient."""

    tag = "Care events"

    @extend_schema(operation_id="studies_care_events", responses=TOLD, parameters=PAGED)
    def get(self, request: Request, study_instance_uid: str) -> Response:
        """What was told of the care of a study's patient, from which its storage period runs."""
        return _listed(request, told_of(found_study(request, study_instance_uid).patient))


def _listed(request: Request, found: QuerySet[CareEvent]) -> Response:
    page = page_of(request, found.select_related("patient", "reported_by", "device_token"), "-pk")
    door = entered(request)
    if patients := {each.patient_id for each in page.rows}:
        record("patients.listed", actor=door.actor, object_type="facility", object_id=door.facility.pk,
               facility_id=door.facility.pk, count=len(patients))  # fmt: skip
    return listed(request, "care_events", ToldEventSerializer, page)
