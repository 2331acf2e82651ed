"""What people were told, and how it got to them: staff read it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _

from apps.core.admin import ROWS_OF_A_TABLE, HappenedFilter, ReadOnlyAdmin, Table, TenantAdmin, link_to, list_of, minute
from apps.notifications import workplace
from apps.notifications.models import Letter, Notification, Webhook, WebhookDelivery


class SentFilter(HappenedFilter):
    title = _("sent")
    parameter_name = "sent"
    field = "sent_at"


class DeliveredFilter(HappenedFilter):
    title = _("delivered")
    parameter_name = "delivered"
    field = "delivered_at"


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """The outbox, and the pages of one's own inbox."""

    linked_by: ClassVar[Sequence[str]] = ("kind",)
    list_display = ("title", "kind", "facility_id", "object_type", "object_id", "due_on", "told_at")
    fields = (
        "title",
        "kind",
        "facility_id",
        "object_type",
        "object_id",
        "due_on",
        "path",
        "facts",
        "told_at",
        "fanned_out_at",
    )

    def get_urls(self) -> list[URLPattern]:
        return [*workplace.urls(self.admin_site), *super().get_urls()]

    def tables(self, obj: Notification) -> list[Table]:
        letters = Letter.objects.select_related("user").filter(notification=obj).order_by("pk")[:ROWS_OF_A_TABLE]
        return [
            Table(
                _("Letters"),
                [_("Reader"), _("Sent"), _("Next try"), _("Attempts"), _("Problem")],
                [
                    [link_to(each.user), minute(each.sent_at), minute(each.due_at), each.attempts, each.problem]
                    for each in letters
                ],
                list_of(Letter),
            )
        ]


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin):
    list_display = ("notification", "user", "sent_at", "due_at", "attempts", "problem")
    list_select_related = ("notification", "user")
    list_filter = (SentFilter,)
    fields = ("notification", "user", "facility_id", "sent_at", "due_at", "attempts", "problem")


@admin.register(Webhook)
class WebhookAdmin(TenantAdmin):
    """Without the secrets that sign."""

    list_display = ("label", "facility", "url", "created_at", "failing_since", "disabled_at", "revoked_at")
    fields = ("label", "facility", "url", "kinds", "created_at", "failing_since", "disabled_at", "revoked_at")

    def tables(self, obj: Webhook) -> list[Table]:
        found = WebhookDelivery.objects.filter(facility_id=obj.facility_id, webhook=obj).order_by("-pk")
        return [
            Table(
                _("Latest messages"),
                [_("Message"), _("Kind"), _("Created"), _("Answer"), _("Attempts"), _("Problem")],
                [
                    [link_to(each), each.kind, minute(each.created_at), each.status or "-", each.attempts, each.problem]
                    for each in found[:ROWS_OF_A_TABLE]
                ],
                list_of(WebhookDelivery, webhook__id__exact=obj.pk),
            )
        ]


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(TenantAdmin):
    linked_by: ClassVar[Sequence[str]] = ("webhook",)
    list_display = ("__str__", "facility", "webhook", "kind", "created_at", "status", "attempts", "delivered_at")
    list_select_related: ClassVar[Sequence[str]] = ["facility", "webhook"]
    list_filter: ClassVar[Sequence[Any]] = [*TenantAdmin.list_filter, DeliveredFilter]
    fields = (
        "webhook", "facility", "kind", "body", "created_at", "due_at", "attempts", "tried_at", "taken_ms", "status",
        "problem", "delivered_at",
    )  # fmt: skip
