"""Care events, reported by a facility's own programs."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import valid
from apps.api.resource import Resource
from apps.retention.care_event_lists import MOST, Line, report_list


class CareEventSerializer(serializers.Serializer[Any]):
    """One event of one patient; what it says is checked by itself."""

    patient_id = serializers.CharField(max_length=64)
    issuer = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    event = serializers.CharField(max_length=40)
    date = serializers.CharField(max_length=20)


class CareEventsSerializer(serializers.Serializer[Any]):
    """A report."""

    events = serializers.ListField(child=CareEventSerializer(), min_length=1, max_length=MOST)


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


class CareEventsView(Resource):
    """A facility's program reports care events. One that is wrong keeps back no other."""

    tag = "Care events"

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
