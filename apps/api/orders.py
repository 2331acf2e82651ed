"""Output orders: priced, quoted, requested, followed, talked about, fetched; by the same acts as in the portal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.api.doors import entered
from apps.api.order_options import described_kinds
from apps.api.order_serializers import (
    EmergencySerializer,
    EstimateSerializer,
    KindsSerializer,
    MessageSerializer,
    MessagesSerializer,
    OrderSerializer,
    OrdersSerializer,
    QuoteWishSerializer,
    ReasonSerializer,
    WishSerializer,
)
from apps.facilities.tenancy import as_facility
from apps.orders.choosing import instances_of
from apps.orders.errors import InvalidOptions, NothingOffered
from apps.orders.fetching import as_answer, taken
from apps.orders.kinds import KINDS
from apps.orders.models import Order, State
from apps.orders.ordering import cancel, complete, draw_up, estimate
from apps.orders.ordering import request as request_order
from apps.orders.talking import write

PAGE = 20
CURSOR = OpenApiParameter("before", str, description="`next` of the page before")


class KindsView(APIView):
    """In which forms images leave, and what can be chosen of each."""

    @extend_schema(responses=KindsSerializer)
    def get(self, request: Request) -> Response:
        return Response(KindsSerializer({"kinds": described_kinds(entered(request).facility)}).data)


class EstimateView(APIView):
    """What an order would cost and when it would be ready, normal and urgent. Nothing is kept."""

    @extend_schema(request=WishSerializer, responses=EstimateSerializer)
    def post(self, request: Request) -> Response:
        wish, facility = valid(WishSerializer, request), entered(request).facility
        options = KINDS[wish["kind"]].options(facility, wish["options"])
        with acting():
            normal, urgent = estimate(facility, wish["kind"], wish["choices"], options=options, now=timezone.now())
            notes = options.notes(instances_of(facility.pk, wish["choices"]))
        return Response(EstimateSerializer({"normal": normal, "urgent": urgent, "notes": notes}).data)


class OrdersView(APIView):
    """The facility's orders."""

    @extend_schema(operation_id="f_orders_list", responses=OrdersSerializer, parameters=[CURSOR])
    def get(self, request: Request) -> Response:
        before = request.query_params.get("before", "")
        if before and not (before.isascii() and before.isdigit() and len(before) < 19):
            raise ValidationError({"before": "A cursor that was given before"})
        found = Order.objects.filter(facility=entered(request).facility).order_by("-pk")
        page = list((found.filter(pk__lt=int(before)) if before else found)[: PAGE + 1])
        cursor = str(page[PAGE - 1].pk) if len(page) > PAGE else None
        return Response(OrdersSerializer({"orders": page[:PAGE], "next": cursor}).data)

    @extend_schema(request=QuoteWishSerializer, responses={201: OrderSerializer})
    def post(self, request: Request) -> Response:
        wish, door = valid(QuoteWishSerializer, request), entered(request)
        options = KINDS[wish["kind"]].options(door.facility, wish["options"])
        with acting():
            order = draw_up(
                door.facility, wish["kind"], wish["choices"], options=options, is_urgent=wish["is_urgent"],
                actor=door.actor, now=timezone.now(), uid=wish["uid"],
            )  # fmt: skip
        return Response(OrderSerializer(order).data, status=status.HTTP_201_CREATED)


class OrderView(APIView):
    """One order."""

    @extend_schema(responses=OrderSerializer)
    def get(self, request: Request, order_uid: UUID) -> Response:
        return Response(OrderSerializer(found_order(request, order_uid)).data)


class RequestView(APIView):
    """The facility wants it as it was quoted. Asked for again it changes nothing."""

    @extend_schema(request=EmergencySerializer, responses=OrderSerializer)
    def post(self, request: Request, order_uid: UUID) -> Response:
        order, asked = found_order(request, order_uid), valid(EmergencySerializer, request)
        if order.requested_at is None or order.state == State.CANCELLED:
            with acting():
                request_order(order, **asked, actor=entered(request).actor, now=timezone.now())
        return Response(OrderSerializer(order).data)


class CancelView(APIView):
    """End an order that is not produced yet. Asked for again it changes nothing."""

    @extend_schema(request=ReasonSerializer, responses=OrderSerializer)
    def post(self, request: Request, order_uid: UUID) -> Response:
        order, asked = found_order(request, order_uid), valid(ReasonSerializer, request)
        if order.state != State.CANCELLED:
            with acting():
                cancel(order, **asked, actor=entered(request).actor, now=timezone.now())
        return Response(OrderSerializer(order).data)


class ConfirmView(APIView):
    """It arrived. Said again it changes nothing."""

    @extend_schema(request=None, responses=OrderSerializer)
    def post(self, request: Request, order_uid: UUID) -> Response:
        order = found_order(request, order_uid)
        if order.state != State.COMPLETED:
            with acting():
                complete(order, actor=entered(request).actor, now=timezone.now())
        return Response(OrderSerializer(order).data)


class OrderMessagesView(APIView):
    """What facility and center write to each other about an order."""

    @extend_schema(responses=MessagesSerializer)
    def get(self, request: Request, order_uid: UUID) -> Response:
        found = found_order(request, order_uid).messages.filter(facility=entered(request).facility).order_by("pk")
        return Response(MessagesSerializer({"messages": found}).data)

    @extend_schema(request=MessageSerializer, responses={201: MessageSerializer})
    def post(self, request: Request, order_uid: UUID) -> Response:
        order, told = found_order(request, order_uid), valid(MessageSerializer, request)
        message = write(
            order, text=told["text"], by=None, is_from_center=False, actor=entered(request).actor, now=timezone.now()
        )
        return Response(MessageSerializer(message).data, status=status.HTTP_201_CREATED)


class OutputRenderer(JSONRenderer):
    """The file is of the type it is of, whatever was preferred; a refusal is JSON."""

    media_type = "*/*"


class OrderOutputView(APIView):
    """What the order gave out, once it is dispatched and until its term; `Range: bytes=…` goes on where it was cut."""

    renderer_classes = (OutputRenderer,)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, order_uid: UUID) -> HttpResponseBase:
        door = entered(request)
        with as_facility(door.facility):
            order = found_order(request, order_uid)
            try:
                output = taken(order, actor=door.actor, now=timezone.now())
            except NothingOffered as error:
                raise NotFound(error.message) from error
        return as_answer(cast(HttpRequest, request), order, output)


@contextmanager
def acting() -> Iterator[None]:
    """Done as a whole or not at all; what cannot be chosen is told as what is malformed is."""
    try:
        with transaction.atomic():
            yield
    except InvalidOptions as error:
        raise ValidationError({"options": [error.message]}) from error


def found_order(request: Request, uid: UUID) -> Order:
    """The facility's order. Raises NotFound."""
    order = Order.objects.select_related("facility").filter(facility=entered(request).facility, uid=uid).first()
    if order is None:
        raise NotFound
    return order


def valid(serializer: type[serializers.BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """What the body holds. Raises ValidationError."""
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
