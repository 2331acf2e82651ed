"""Terminals and collectors: enrolment, a terminal's settings, its capacity, its requests."""

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import valid
from apps.api.paging import PAGED, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.api.terminals import CapacitiesView, CollectionWishSerializer, own_terminal
from apps.audit.record import Actor
from apps.audit.signing import published_keys
from apps.collection.capacity import is_wanted, report_capacity
from apps.collection.enrolment import Enrolled, ExpiredCode, UnknownCode, enrol
from apps.collection.models import CollectionRequest, Mark, Reason, Terminal, Unmarked
from apps.collection.requests import request_collection
from apps.collection.schedule import agreed_schedules
from apps.core.clock import database_now
from apps.core.sealing import recipient
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


class PlaceSerializer(serializers.Serializer[Any]):
    """A facility that the device may send to, and its token there."""

    slug = serializers.CharField()
    name = serializers.CharField()
    token = serializers.CharField()
    terminals = TerminalSerializer(many=True)


class CenterSerializer(serializers.Serializer[Any]):
    """The center: what is sealed goes to `recipient` (age), what it signs is checked by `jwks`."""

    name = serializers.CharField()
    url = serializers.CharField()
    recipient = serializers.CharField()
    jwks = serializers.DictField()


class EnrolledSerializer(serializers.Serializer[Any]):
    """What a device learns at its enrolment, once."""

    kind = serializers.ChoiceField(choices=["terminal", "collector"])
    uid = serializers.UUIDField()
    name = serializers.CharField()
    facilities = PlaceSerializer(many=True)
    center = CenterSerializer()
    certificate = serializers.CharField()


class TerminalsSerializer(serializers.Serializer[Any]):
    """Terminals with their settings."""

    terminals = TerminalSerializer(many=True)


class EnrolView(Resource):
    """Enrolment."""

    tag = "Terminals"

    @extend_schema(
        operation_id="enrol", request=EnrolSerializer, responses={201: EnrolledSerializer},
        examples=[
            OpenApiExample(
                "A terminal", {"code": "ABCD-EFGH-JKMN-PQRS", "name": "X-ray room", "software": "medvault-edge 1.0",
                "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}},
                request_only=True,
            )
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """A terminal or collector becomes known, by the code that staff or the facility gave out. It works once."""
        asked = valid(EnrolSerializer, request)
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


class TerminalsView(Resource):
    """The facility's terminals."""

    tag = "Terminals"

    @extend_schema(operation_id="terminals_list", responses=TerminalsSerializer)
    def get(self, request: Request) -> Response:
        """What the facility's terminals are set to, for collectors; a terminal learns of itself alone."""
        entering = entered(request)
        terminals = Terminal.objects.filter(facility=entering.facility, retired_at=None).order_by("pk")
        own = terminals.filter(device_token=entering.token) if entering.token else terminals.none()
        return Response({"terminals": TerminalSerializer(list(own) or terminals, many=True).data})


class TerminalView(Resource):
    """One terminal."""

    tag = "Terminals"

    @extend_schema(operation_id="terminals_retrieve", responses=TerminalSerializer)
    def get(self, request: Request, terminal_uid: UUID) -> Response:
        """What a terminal is set to."""
        return Response(TerminalSerializer(own_terminal(request, terminal_uid)).data)


class CapacityView(CapacitiesView):
    """How full a terminal is."""

    @extend_schema(
        operation_id="capacities_create", request=CapacitySerializer, responses={201: TerminalSerializer},
        examples=[
            OpenApiExample(
                "Half full", {"measured_at": "2026-11-24T10:00:00Z", "used_bytes": 500_000_000_000,
                "total_bytes": 1_000_000_000_000, "waiting_sets": 12, "waiting_bytes": 6_000_000_000},
                request_only=True,
            )
        ],
    )  # fmt: skip
    def post(self, request: Request, terminal_uid: UUID) -> Response:
        """A terminal reports how full it is, and learns its settings."""
        terminal = own_terminal(request, terminal_uid)
        report_capacity(terminal, **valid(CapacitySerializer, request), now=timezone.now())
        return Response(TerminalSerializer(terminal).data, status=status.HTTP_201_CREATED)


class RequestsView(Resource):
    """Wishes for collections from a terminal."""

    tag = "Terminals"

    @extend_schema(
        operation_id="requests_list", responses=page_serializer("requests", CollectionWishSerializer), parameters=PAGED
    )
    def get(self, request: Request, terminal_uid: UUID) -> Response:
        """What was asked for, the latest first, and what became of it."""
        terminal = own_terminal(request, terminal_uid)
        found = CollectionRequest.objects.filter(facility=entered(request).facility, terminal=terminal)
        return listed(request, "requests", CollectionWishSerializer, page_of(request, found, "-pk"))

    @extend_schema(
        operation_id="requests_create", request=RequestSerializer, responses={201: CollectionWishSerializer},
        examples=[
            OpenApiExample(
                "Before a closure", {"reason": "closure", "note": "closed for two weeks",
                "due_at": "2026-12-23T08:00:00+09:00"}, request_only=True,
            )
        ],
    )  # fmt: skip
    def post(self, request: Request, terminal_uid: UUID) -> Response:
        """Ask for a collection."""
        wish = request_collection(
            own_terminal(request, terminal_uid), **valid(RequestSerializer, request), actor=entered(request).actor,
            now=timezone.now(),
        )  # fmt: skip
        return Response(CollectionWishSerializer(wish).data, status=status.HTTP_201_CREATED)


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
