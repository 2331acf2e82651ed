"""Webhooks: where a facility's systems are told, what was sent there, and what they answered. A matter of owners."""

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import BoundedListField, valid
from apps.api.paging import PAGED, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.notifications.errors import UnusableAddress
from apps.notifications.kinds import Kind
from apps.notifications.models import Webhook, WebhookDelivery
from apps.notifications.webhooks import (
    add_webhook,
    renew_secret,
    revoke_webhook,
    send_again,
    send_test,
    switch_on,
)

KINDS = [(kind.value, kind.label) for kind in Kind if not kind.is_for_staff]


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """A webhook; its secret was told once."""

    url = serializers.CharField(max_length=500, help_text="https, of a public host")
    kinds = BoundedListField(child=serializers.ChoiceField(choices=KINDS), min_length=1, max_length=100)

    class Meta:
        model = Webhook
        fields: tuple[str, ...] = (
            "id", "label", "url", "kinds", "created_at", "failing_since", "disabled_at", "revoked_at",
        )  # fmt: skip
        read_only_fields = ("created_at", "failing_since", "disabled_at", "revoked_at")


class AddedSerializer(WebhookSerializer):
    """A webhook and its secret, which is in this answer and nowhere else."""

    secret = serializers.CharField(read_only=True)

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """A message to a webhook: `message` is its id, the same however often it is sent. `status` is what was answered."""

    message = serializers.CharField(source="__str__")

    class Meta:
        model = WebhookDelivery
        fields = (
            "id", "message", "kind", "created_at", "attempts", "tried_at", "taken_ms", "status", "problem",
            "delivered_at", "due_at",
        )  # fmt: skip


class WebhooksView(Resource):
    """Webhooks."""

    tag = "Notifications"

    @extend_schema(
        operation_id="webhooks_list", responses=page_serializer("webhooks", WebhookSerializer), parameters=PAGED
    )
    def get(self, request: Request) -> Response:
        """The facility's webhooks, the newest first; not those that were revoked."""
        page = page_of(request, _webhooks(request).filter(revoked_at=None), "-pk")
        return listed(request, "webhooks", WebhookSerializer, page)

    @extend_schema(
        operation_id="webhooks_create", request=WebhookSerializer, responses={201: AddedSerializer},
        examples=[
            OpenApiExample("What is stored", {"label": "PACS", "url": "https://hooks.clinic.example/medvault",
                                              "kinds": ["collection.stored"]}, request_only=True)
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Add a webhook. Its secret is in this answer and nowhere else."""
        asked, door = valid(WebhookSerializer, request), entered(request)
        kinds = [Kind(each) for each in dict.fromkeys(asked["kinds"])]
        try:
            webhook, secret = add_webhook(
                door.facility, url=asked["url"], label=asked["label"], kinds=kinds, actor=door.actor,
                now=timezone.now(),
            )  # fmt: skip
        except UnusableAddress as error:
            raise ValidationError({"url": [error.message]}) from error
        return Response(WebhookSerializer(webhook).data | {"secret": secret}, status=status.HTTP_201_CREATED)


class WebhookView(Resource):
    """One webhook."""

    tag = "Notifications"

    @extend_schema(operation_id="webhooks_retrieve", responses=WebhookSerializer)
    def get(self, request: Request, webhook_id: int) -> Response:
        """One webhook: what it is told of, and whether it fails or was switched off."""
        return Response(WebhookSerializer(_webhook(request, webhook_id)).data)

    @extend_schema(operation_id="webhooks_revoke", request=None, responses={204: None})
    def delete(self, request: Request, webhook_id: int) -> Response:
        """Revoke a webhook: nothing is sent there any more."""
        revoke_webhook(_webhook(request, webhook_id), actor=entered(request).actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class WebhookSecretView(Resource):
    """The secret of a webhook."""

    tag = "Notifications"

    @extend_schema(operation_id="webhooks_renew_secret", request=None, responses={201: AddedSerializer})
    def post(self, request: Request, webhook_id: int) -> Response:
        """Give a webhook another secret, told in this answer alone. The one before signs, too, for a day."""
        secret = renew_secret(_webhook(request, webhook_id), actor=entered(request).actor, now=timezone.now())
        told = WebhookSerializer(_webhook(request, webhook_id)).data | {"secret": secret}
        return Response(told, status=status.HTTP_201_CREATED)


class WebhookTestView(Resource):
    """A trial of a webhook."""

    tag = "Notifications"

    @extend_schema(operation_id="webhooks_test", request=None, responses={201: DeliverySerializer})
    def post(self, request: Request, webhook_id: int) -> Response:
        """Send a message that tells of nothing; its delivery says what was answered."""
        sent = send_test(_webhook(request, webhook_id), actor=entered(request).actor, now=timezone.now())
        return Response(DeliverySerializer(sent).data, status=status.HTTP_201_CREATED)


class WebhookOnView(Resource):
    """The return of a webhook."""

    tag = "Notifications"

    @extend_schema(operation_id="webhooks_switch_on", request=None, responses=WebhookSerializer)
    def post(self, request: Request, webhook_id: int) -> Response:
        """Let a webhook that was switched off listen again; what it missed in the last 30 days is sent."""
        switch_on(_webhook(request, webhook_id), actor=entered(request).actor, now=timezone.now())
        return Response(WebhookSerializer(_webhook(request, webhook_id)).data)


class DeliveriesView(Resource):
    """Messages to a webhook."""

    tag = "Notifications"

    @extend_schema(
        operation_id="webhooks_deliveries", responses=page_serializer("deliveries", DeliverySerializer),
        parameters=PAGED,
    )  # fmt: skip
    def get(self, request: Request, webhook_id: int) -> Response:
        """What was sent to a webhook, the latest first, and what was answered."""
        found = WebhookDelivery.objects.filter(
            facility=entered(request).facility, webhook=_webhook(request, webhook_id)
        )
        return listed(request, "deliveries", DeliverySerializer, page_of(request, found, "-pk"))


class SendAgainView(Resource):
    """A message once more."""

    tag = "Notifications"

    @extend_schema(operation_id="webhooks_send_again", request=None, responses=DeliverySerializer)
    def post(self, request: Request, delivery_id: int) -> Response:
        """Send the same message with the same id once more."""
        deliveries = WebhookDelivery.objects.filter(facility=entered(request).facility, pk=delivery_id)
        delivery = deliveries.select_related("webhook").first()
        if delivery is None:
            raise NotFound
        send_again(delivery, actor=entered(request).actor, now=timezone.now())
        return Response(DeliverySerializer(deliveries.get()).data)


def _webhooks(request: Request) -> QuerySet[Webhook]:
    return Webhook.objects.filter(facility=entered(request).facility)


def _webhook(request: Request, webhook_id: int) -> Webhook:
    found = _webhooks(request).filter(pk=webhook_id).first()
    if found is None:
        raise NotFound
    return found
