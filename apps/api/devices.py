"""Terminals and collectors: enrolment, a terminal's settings, its capacity, its requests."""

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.api.doors import entered
from apps.audit.record import Actor
from apps.audit.signing import published_keys
from apps.collection.capacity import is_wanted, report_capacity
from apps.collection.enrolment import Enrolled, ExpiredCode, UnknownCode, enrol
from apps.collection.models import Mark, Reason, Terminal, Unmarked
from apps.collection.requests import request_collection
from apps.collection.schedule import agreed_schedules
from apps.collection.sealing import recipient
from apps.core.clock import database_now
from apps.facilities.middleware import source_address
from apps.facilities.tenancy import as_center

MOST = 2**62


class RuleSerializer(serializers.ModelSerializer[Terminal]):
    """What of a terminal is to be stored."""

    mark = serializers.ChoiceField(choices=Mark.choices)
    tag = serializers.CharField(source="mark_tag")
    value = serializers.CharField(source="mark_value")
    default = serializers.ChoiceField(choices=Unmarked.choices, source="unmarked")

    class Meta:
        model = Terminal
        fields = ("mark", "tag", "value", "store_prefixes", "keep_prefixes", "default")


class TerminalSerializer(serializers.ModelSerializer[Terminal]):
    """A terminal's settings."""

    rule = RuleSerializer(source="*")
    is_wanted = serializers.SerializerMethodField()

    class Meta:
        model = Terminal
        fields = (
            "uid", "name", "rule", "agreed_instances", "agreed_bytes", "push_every_hours", "threshold_percent",
            "is_wanted",
        )  # fmt: skip

    def to_representation(self, instance: Terminal) -> Any:
        """With what is agreed: by the facility's contract, if it has one."""
        schedule = agreed_schedules([instance], as_of=database_now())[instance.pk]
        return super().to_representation(instance) | {
            name: getattr(schedule, name) for name in ("agreed_instances", "agreed_bytes", "push_every_hours")
        }

    def get_is_wanted(self, terminal: Terminal) -> bool:
        return is_wanted(terminal)


class EnrolSerializer(serializers.Serializer[Any]):
    """A device's first words."""

    code = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    software = serializers.CharField(max_length=100, required=False, allow_blank=True)
    jwk = serializers.DictField()


class CapacitySerializer(serializers.Serializer[Any]):
    """How full a terminal is."""

    measured_at = serializers.DateTimeField()
    used_bytes = serializers.IntegerField(min_value=0, max_value=MOST)
    total_bytes = serializers.IntegerField(min_value=1, max_value=MOST)
    waiting_sets = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    waiting_bytes = serializers.IntegerField(min_value=0, max_value=MOST, default=0)
    unmarked_sets = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["used_bytes"] > attrs["total_bytes"]:
            raise serializers.ValidationError({"used_bytes": "More than there is in all"})
        return attrs


class RequestSerializer(serializers.Serializer[Any]):
    """A wish for a collection."""

    reason = serializers.ChoiceField(choices=Reason.choices)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    due_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class EnrolView(APIView):
    """A terminal or collector becomes known, by the code that staff or the facility gave out."""

    @extend_schema(request=EnrolSerializer, responses={201: dict[str, Any]})
    def post(self, request: Request) -> Response:
        asked = _valid(EnrolSerializer, request)
        actor = Actor("device", "enrolment", source_address(cast(HttpRequest, request)))
        try:
            enrolled = enrol(code=asked["code"], jwk=asked["jwk"], actor=actor, now=database_now())
        except (UnknownCode, ExpiredCode) as error:
            refusal = PermissionDenied(error.message)
            refusal.default_code = error.code
            raise refusal from error
        with as_center():  # the devices of many facilities, and what is agreed with each
            told = _told(enrolled)
        return Response(told, status=status.HTTP_201_CREATED)


class TerminalsView(APIView):
    """What the facility's terminals are set to, for collectors; a terminal learns of itself alone."""

    @extend_schema(operation_id="f_terminals_list", responses=dict[str, Any])
    def get(self, request: Request) -> Response:
        entering = entered(request)
        terminals = Terminal.objects.filter(facility=entering.facility, retired_at=None).order_by("pk")
        own = terminals.filter(device_token=entering.token) if entering.token else terminals.none()
        return Response({"terminals": TerminalSerializer(list(own) or terminals, many=True).data})


class TerminalView(APIView):
    """A terminal asks for its settings."""

    @extend_schema(responses=TerminalSerializer)
    def get(self, request: Request, terminal_uid: UUID) -> Response:
        return Response(TerminalSerializer(_own_terminal(request, terminal_uid)).data)


class CapacityView(APIView):
    """A terminal reports how full it is, and learns its settings."""

    @extend_schema(request=CapacitySerializer, responses={201: TerminalSerializer})
    def post(self, request: Request, terminal_uid: UUID) -> Response:
        terminal = _own_terminal(request, terminal_uid)
        report_capacity(terminal, **_valid(CapacitySerializer, request), now=timezone.now())
        return Response(TerminalSerializer(terminal).data, status=status.HTTP_201_CREATED)


class RequestsView(APIView):
    """A terminal asks for a collection."""

    @extend_schema(request=RequestSerializer, responses={201: dict[str, str]})
    def post(self, request: Request, terminal_uid: UUID) -> Response:
        terminal = _own_terminal(request, terminal_uid)
        wish = request_collection(
            terminal, **_valid(RequestSerializer, request), actor=entered(request).actor, now=timezone.now()
        )
        return Response({"uid": str(wish.uid)}, status=status.HTTP_201_CREATED)


def _own_terminal(request: Request, uid: UUID) -> Terminal:
    """The facility's terminal; a device sees its own alone."""
    entering = entered(request)
    terminals = Terminal.objects.filter(facility=entering.facility, uid=uid, retired_at=None)
    if entering.token:
        terminals = terminals.filter(device_token=entering.token)
    terminal = terminals.first()
    if terminal is None:
        raise NotFound
    return terminal


def _valid(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def _told(enrolled: Enrolled) -> dict[str, Any]:
    return {
        "kind": enrolled.kind,
        "uid": str(enrolled.device.uid),
        "name": enrolled.device.name,
        "facilities": [
            {
                "slug": place.facility.slug,
                "name": place.facility.name,
                "token": place.token,
                "terminals": TerminalSerializer(place.terminals, many=True).data,
            }
            for place in enrolled.places
        ],
        "center": {
            "name": "MedVault",
            "url": settings.PUBLIC_URL,
            "recipient": recipient(),
            "jwks": published_keys(),
        },
        "certificate": enrolled.certificate,
    }
