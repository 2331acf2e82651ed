"""Terminals as the facility sees them: how full, when they are collected from, what was asked for."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.paging import PAGED, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.collection.enrolment import allow_restores, issue_code
from apps.collection.models import Capacity, CollectionRequest, Terminal
from apps.collection.requests import withdraw_request
from apps.collection.schedule import outlooks
from apps.core.clock import database_now
from apps.facilities.models import Scope

ALL = {Scope.COLLECTIONS, Scope.REQUEST}


class CollectionWishSerializer(serializers.ModelSerializer[CollectionRequest]):
    """A wish for a collection, and what became of it."""

    class Meta:
        model = CollectionRequest
        fields = ("uid", "reason", "note", "requested_at", "due_at", "answered_at", "withdrawn_at")


class ReadingSerializer(serializers.ModelSerializer[Capacity]):
    """How full a terminal was, by its own word."""

    class Meta:
        model = Capacity
        fields = (
            "measured_at", "reported_at", "used_bytes", "total_bytes", "waiting_sets", "waiting_bytes", "unmarked_sets",
        )  # fmt: skip


class ScheduleSerializer(serializers.Serializer[Any]):
    """What is agreed; null where nothing is."""

    visit_every_days = serializers.IntegerField(allow_null=True)
    push_every_hours = serializers.IntegerField(allow_null=True)
    agreed_instances = serializers.IntegerField(allow_null=True)
    agreed_bytes = serializers.IntegerField(allow_null=True)


class ForecastSerializer(serializers.Serializer[Any]):
    """What comes in, and on which day nothing more fits; null: not within ten years."""

    bytes_a_day = serializers.FloatField()
    full_on = serializers.DateField(allow_null=True)


class OutlookSerializer(serializers.Serializer[Any]):
    """What is to be expected of a terminal. Days are those of the facility's calendar."""

    terminal = serializers.UUIDField(source="terminal.uid")
    name = serializers.CharField(source="terminal.name")
    last_seen_at = serializers.DateTimeField(source="terminal.last_seen_at", allow_null=True)
    schedule = ScheduleSerializer()
    last_collected_at = serializers.DateTimeField(allow_null=True)
    last_transfer_at = serializers.DateTimeField(allow_null=True)
    next_visit_on = serializers.DateField(
        allow_null=True, help_text="when a visit is due: as many days after the last one as are agreed"
    )
    is_overdue = serializers.BooleanField()
    latest = ReadingSerializer(allow_null=True)
    used_percent = serializers.IntegerField(allow_null=True)
    wanted_from_percent = serializers.IntegerField()
    forecast = ForecastSerializer(allow_null=True)
    fills_up_before = serializers.BooleanField()
    proposed_days = serializers.IntegerField(allow_null=True)
    requests = CollectionWishSerializer(many=True)


class OutlooksSerializer(serializers.Serializer[Any]):
    """All terminals in use."""

    outlooks = OutlookSerializer(many=True)


class CodeSerializer(serializers.Serializer[Any]):
    """An enrolment code, told once."""

    code = serializers.CharField()


class OutlooksView(Resource):
    """Outlooks of all terminals."""

    tag = "Terminals"

    @extend_schema(operation_id="outlooks_list", responses=OutlooksSerializer)
    def get(self, request: Request) -> Response:
        """How every terminal in use stands, and what is to be expected of it."""
        found = outlooks(list(_terminals(request).order_by("name", "pk")), as_of=timezone.now())
        return Response(OutlooksSerializer({"outlooks": found}).data)


class OutlookView(Resource):
    """The outlook of a terminal."""

    tag = "Terminals"

    @extend_schema(operation_id="outlooks_retrieve", responses=OutlookSerializer)
    def get(self, request: Request, terminal_uid: UUID) -> Response:
        """How a terminal stands: agreed schedule, when a visit is due, forecast, open requests."""
        [found] = outlooks([found_terminal(request, terminal_uid)], as_of=timezone.now())
        return Response(OutlookSerializer(found).data)


class CapacitiesView(Resource):
    """Readings of a terminal."""

    tag = "Terminals"

    @extend_schema(
        operation_id="capacities_list", responses=page_serializer("capacities", ReadingSerializer), parameters=PAGED
    )
    def get(self, request: Request, terminal_uid: UUID) -> Response:
        """How full a terminal was, the latest reading first."""
        terminal = found_terminal(request, terminal_uid)
        found = Capacity.objects.filter(facility=entered(request).facility, terminal=terminal)
        return listed(request, "capacities", ReadingSerializer, page_of(request, found, "-pk"))


class WithdrawView(Resource):
    """The end of a wish."""

    tag = "Terminals"

    @extend_schema(operation_id="requests_withdraw", request=None, responses=CollectionWishSerializer)
    def post(self, request: Request, terminal_uid: UUID, request_uid: UUID) -> Response:
        """Take back a wish for a collection. Answered or withdrawn before, it stays as it is."""
        door = entered(request)
        terminal = own_terminal(request, terminal_uid)
        wishes = CollectionRequest.objects.filter(facility=door.facility, terminal=terminal, uid=request_uid)
        wish = wishes.first()
        if wish is None:
            raise NotFound
        withdraw_request(wish, actor=door.actor, now=timezone.now())
        wish.refresh_from_db(from_queryset=wishes)
        return Response(CollectionWishSerializer(wish).data)


class CodeView(Resource):
    """Enrolment of a terminal."""

    tag = "Terminals"

    @extend_schema(operation_id="terminals_enrolment_code", request=None, responses={201: CodeSerializer})
    def post(self, request: Request, terminal_uid: UUID) -> Response:
        """A code with which the terminal becomes known, in this answer and nowhere else. Another one is void then."""
        code = issue_code(found_terminal(request, terminal_uid), actor=entered(request).actor, now=database_now())
        return Response({"code": code}, status=201)


class LetRestoreView(Resource):
    """Restores of a terminal."""

    tag = "Terminals"

    @extend_schema(operation_id="terminals_let_restore", request=None, responses={204: None})
    def post(self, request: Request, terminal_uid: UUID) -> Response:
        """Let a terminal that enrolled long ago fetch what was ordered to come back."""
        allow_restores(found_terminal(request, terminal_uid), actor=entered(request).actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


def found_terminal(request: Request, uid: UUID) -> Terminal:
    """The facility's terminal. Raises NotFound."""
    found = _terminals(request).filter(uid=uid).first()
    if found is None:
        raise NotFound
    return found


def own_terminal(request: Request, uid: UUID) -> Terminal:
    """The facility's terminal; a device that follows not all of them sees its own alone."""
    terminal, token = found_terminal(request, uid), entered(request).token
    if token and not ALL & set(token.scopes) and terminal.device_token_id != token.pk:
        raise NotFound
    return terminal


def _terminals(request: Request) -> QuerySet[Terminal]:
    return Terminal.objects.filter(facility=entered(request).facility, retired_at=None).select_related("facility")
