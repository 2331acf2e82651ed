"""Output orders: priced, quoted, requested, followed, talked about, fetched; by the same acts as in the portal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import FileRenderer, valid
from apps.api.order_options import described_kinds
from apps.api.order_serializers import (
    EmergencySerializer,
    EstimateSerializer,
    KindsSerializer,
    ListedOrderSerializer,
    MessageSerializer,
    MessagesSerializer,
    OrderSerializer,
    PasswordSerializer,
    QuoteWishSerializer,
    ReasonSerializer,
    WishSerializer,
)
from apps.api.paging import PAGED, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.facilities.tenancy import as_facility
from apps.orders.choosing import instances_of
from apps.orders.errors import InvalidOptions, NothingOffered
from apps.orders.fetching import as_answer, taken
from apps.orders.kinds import KINDS
from apps.orders.models import Order, State
from apps.orders.ordering import cancel, complete, draw_up, estimate
from apps.orders.ordering import request as request_order
from apps.orders.passwords import read_password
from apps.orders.talking import write

FILES = sorted({kind.content_type for kind in KINDS.values() if kind.content_type})
TWO_STUDIES = {
    "kind": "share",
    "items": [{"study": "1.2.3"}, {"study": "1.2.4", "series": "1.2.4.1"}],
    "options": {"receiver": "facility", "days": 30, "contact": "reception@clinic.example"},
}


class KindsView(Resource):
    """In which forms images leave, and what can be chosen of each."""

    tag = "Orders"

    @extend_schema(operation_id="order_kinds_list", responses=KindsSerializer)
    def get(self, request: Request) -> Response:
        return Response(KindsSerializer({"kinds": described_kinds(entered(request).facility)}).data)


class EstimateView(Resource):
    """What an order would cost and when it would be ready, normal and urgent. Nothing is kept."""

    tag = "Orders"
    asks = True

    @extend_schema(
        operation_id="order_estimates_create", request=WishSerializer, responses=EstimateSerializer,
        examples=[OpenApiExample("A share link", TWO_STUDIES, request_only=True)],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        wish, facility = valid(WishSerializer, request), entered(request).facility
        options = KINDS[wish["kind"]].options(facility, wish["options"])
        with acting():
            normal, urgent = estimate(facility, wish["kind"], wish["choices"], options=options, now=timezone.now())
            notes = options.notes(instances_of(facility.pk, wish["choices"]))
        return Response(EstimateSerializer({"normal": normal, "urgent": urgent, "notes": notes}).data)


class OrdersView(Resource):
    """The facility's orders."""

    tag = "Orders"

    @extend_schema(
        operation_id="orders_list", responses=page_serializer("orders", ListedOrderSerializer), parameters=PAGED
    )
    def get(self, request: Request) -> Response:
        """Orders, newest first."""
        found = Order.objects.filter(facility=entered(request).facility)
        return listed(request, "orders", ListedOrderSerializer, page_of(request, found, "-pk"))

    @extend_schema(
        operation_id="orders_create", request=QuoteWishSerializer, responses={201: OrderSerializer},
        examples=[
            OpenApiExample(
                "A share link", TWO_STUDIES | {"uid": "0f1c2d3e-4b5a-4678-9abc-def012345678", "is_urgent": False},
                request_only=True,
            )
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """A quote, which binds for some days. With the same `uid` the same order is answered again."""
        wish, door = valid(QuoteWishSerializer, request), entered(request)
        options = KINDS[wish["kind"]].options(door.facility, wish["options"])
        with acting():
            order = draw_up(
                door.facility, wish["kind"], wish["choices"], options=options, is_urgent=wish["is_urgent"],
                actor=door.actor, now=timezone.now(), uid=wish["uid"],
            )  # fmt: skip
        return Response(OrderSerializer(order).data, status=status.HTTP_201_CREATED)


class OrderView(Resource):
    """One order."""

    tag = "Orders"

    @extend_schema(operation_id="orders_retrieve", responses=OrderSerializer)
    def get(self, request: Request, order_uid: UUID) -> Response:
        return Response(OrderSerializer(found_order(request, order_uid)).data)


class RequestView(Resource):
    """The facility wants it as it was quoted. Asked for again it changes nothing."""

    tag = "Orders"

    @extend_schema(
        operation_id="orders_request", request=EmergencySerializer, responses=OrderSerializer,
        examples=[OpenApiExample("As it was quoted", {}, request_only=True)],
    )  # fmt: skip
    def post(self, request: Request, order_uid: UUID) -> Response:
        order, asked = found_order(request, order_uid), valid(EmergencySerializer, request)
        if order.requested_at is None or order.state == State.CANCELLED:
            with acting():
                request_order(order, **asked, actor=entered(request).actor, now=timezone.now())
        return Response(OrderSerializer(order).data)


class CancelView(Resource):
    """End an order that is not produced yet. Asked for again it changes nothing."""

    tag = "Orders"

    @extend_schema(
        operation_id="orders_cancel", request=ReasonSerializer, responses=OrderSerializer,
        examples=[OpenApiExample("By telephone", {"reason": "ordered twice"}, request_only=True)],
    )  # fmt: skip
    def post(self, request: Request, order_uid: UUID) -> Response:
        order, asked = found_order(request, order_uid), valid(ReasonSerializer, request)
        if order.state != State.CANCELLED:
            with acting():
                cancel(order, **asked, actor=entered(request).actor, now=timezone.now())
        return Response(OrderSerializer(order).data)


class ConfirmView(Resource):
    """It arrived. Said again it changes nothing."""

    tag = "Orders"

    @extend_schema(operation_id="orders_confirm", request=None, responses=OrderSerializer)
    def post(self, request: Request, order_uid: UUID) -> Response:
        order = found_order(request, order_uid)
        if order.state != State.COMPLETED:
            with acting():
                complete(order, actor=entered(request).actor, now=timezone.now())
        return Response(OrderSerializer(order).data)


class OrderMessagesView(Resource):
    """What facility and center write to each other about an order."""

    tag = "Orders"

    @extend_schema(operation_id="orders_messages_list", responses=MessagesSerializer)
    def get(self, request: Request, order_uid: UUID) -> Response:
        found = found_order(request, order_uid).messages.filter(facility=entered(request).facility).order_by("pk")
        return Response(MessagesSerializer({"messages": found}).data)

    @extend_schema(
        operation_id="orders_messages_create", request=MessageSerializer, responses={201: MessageSerializer},
        examples=[OpenApiExample("A wish", {"text": "By noon, please"}, request_only=True)],
    )  # fmt: skip
    def post(self, request: Request, order_uid: UUID) -> Response:
        """Write to the center about an order. Please name no patients."""
        order, told = found_order(request, order_uid), valid(MessageSerializer, request)
        message = write(
            order, text=told["text"], by=None, is_from_center=False, actor=entered(request).actor, now=timezone.now()
        )
        return Response(MessageSerializer(message).data, status=status.HTTP_201_CREATED)


class PasswordView(Resource):
    """The password of media for a patient, from dispatch until the order ends. Every reading is on record."""

    tag = "Orders"

    @extend_schema(operation_id="orders_password", request=None, responses=PasswordSerializer)
    def post(self, request: Request, order_uid: UUID) -> Response:
        password = read_password(found_order(request, order_uid), actor=entered(request).actor)
        return Response(PasswordSerializer({"password": password}).data, headers={"Cache-Control": "no-store"})


class OrderOutputView(Resource):
    """What the order gave out, once it is dispatched and until its term; `Range: bytes=…` goes on where it was cut."""

    tag = "Orders"
    renderer_classes = (FileRenderer,)

    @extend_schema(
        operation_id="orders_output", responses={(code, *FILES): OpenApiTypes.BINARY for code in (200, 206)},
        parameters=[OpenApiParameter("Range", str, "header"), OpenApiParameter("If-Range", str, "header")],
    )  # fmt: skip
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
