"""Care events, reported by a facility's own programs."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.api.doors import entered
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


class CareEventsView(APIView):
    """A facility's program reports care events. One that is wrong keeps back no other."""

    @extend_schema(request=CareEventsSerializer, responses=dict[str, Any])
    def post(self, request: Request) -> Response:
        given = CareEventsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        lines = [
            Line(index, each["patient_id"], each["event"], each["date"], each["issuer"])
            for index, each in enumerate(given.validated_data["events"])
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
