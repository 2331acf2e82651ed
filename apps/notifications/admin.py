"""What people were told, and how it got to them: staff read it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.core.admin import (
    ROWS_OF_A_TABLE,
    HappenedFilter,
    ReadOnlyAdmin,
    Table,
    TenantAdmin,
    facts_of,
    link_to,
    list_of,
    minute,
)
from apps.facilities.models import Facility
from apps.notifications import workplace
from apps.notifications.kinds import called
from apps.notifications.models import Letter, Notification, Webhook, WebhookDelivery


class SentFilter(HappenedFilter):
    title = _("sent")
    parameter_name = "sent"
    field = "sent_at"


class DeliveredFilter(HappenedFilter):
    title = _("delivered")
    parameter_name = "delivered"
    field = "delivered_at"


class OfFacilityAdmin(ReadOnlyAdmin):
    """Rows that know their facility, if any, by its number."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        names = Facility.objects.filter(pk=OuterRef("facility_id")).values("name")
        found: QuerySet[Any] = super().get_queryset(request)
        named: QuerySet[Any] = found.annotate(facility_name=Subquery(names))
        return named

    @display(description=_("facility"))  # type: ignore[untyped-decorator]
    def facility(self, obj: Any) -> str:
        return obj.facility_name or "-"


@admin.register(Notification)
class NotificationAdmin(OfFacilityAdmin):
    """The outbox, and the pages of one's own inbox."""

    linked_by: ClassVar[Sequence[str]] = ("kind",)
    list_display = ("title", "facility", "about", "due_on", "told_at")
    fields = ("title", "facility", "about", "due_on", "path", "told_facts", "told_at", "fanned_out_at")

    @display(description=_("about"))  # type: ignore[untyped-decorator]
    def about(self, obj: Notification) -> str:
        return f"{obj.object_type.replace('_', ' ')} {obj.object_id}"

    @display(description=_("facts"))  # type: ignore[untyped-decorator]
    def told_facts(self, obj: Notification) -> SafeString:
        return facts_of(obj.facts)

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
class LetterAdmin(OfFacilityAdmin):
    when_empty = _("Notifications on their way by e-mail appear here.")
    list_display = ("notification", "user", "facility", "sent_at", "due_at", "attempts", "problem")
    list_select_related = ("notification", "user")
    list_filter = (SentFilter,)
    fields = ("notification", "user", "facility", "sent_at", "due_at", "attempts", "problem")


@admin.register(Webhook)
class WebhookAdmin(TenantAdmin):
    """Without the secrets that sign."""

    when_empty = _("Facilities add webhooks in the portal.")
    list_display = ("label", "facility", "url", "created_at", "failing_since", "disabled_at", "revoked_at")
    fields = ("label", "facility", "url", "told_of", "created_at", "failing_since", "disabled_at", "revoked_at")

    @display(description=_("told of"))  # type: ignore[untyped-decorator]
    def told_of(self, obj: Webhook) -> str:
        return ", ".join(map(called, obj.kinds)) or "-"

    def tables(self, obj: Webhook) -> list[Table]:
        found = WebhookDelivery.objects.filter(facility_id=obj.facility_id, webhook=obj).order_by("-pk")
        return [
            Table(
                _("Latest messages"),
                [_("Message"), _("Kind"), _("Created"), _("Answer"), _("Attempts"), _("Problem")],
                [
                    [
                        link_to(each),
                        called(each.kind),
                        minute(each.created_at),
                        each.status or "-",
                        each.attempts,
                        each.problem or "-",
                    ]
                    for each in found[:ROWS_OF_A_TABLE]
                ],
                list_of(WebhookDelivery, webhook__id__exact=obj.pk),
            )
        ]


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(TenantAdmin):
    when_empty = _("Messages to facilities' webhooks appear here.")
    linked_by: ClassVar[Sequence[str]] = ("webhook",)
    list_display = ("__str__", "facility", "webhook", "about", "created_at", "status", "attempts", "delivered_at")
    list_select_related: ClassVar[Sequence[str]] = ["facility", "webhook"]
    list_filter: ClassVar[Sequence[Any]] = [*TenantAdmin.list_filter, DeliveredFilter]
    fields = (
        "webhook", "facility", "about", "message", "created_at", "due_at", "attempts", "tried_at", "taken_ms", "status",
        "problem", "delivered_at",
    )  # fmt: skip

    @display(description=_("kind"), ordering="kind")  # type: ignore[untyped-decorator]
    def about(self, obj: WebhookDelivery) -> str:
        return called(obj.kind)

    @display(description=_("message, as it is signed"))  # type: ignore[untyped-decorator]
    def message(self, obj: WebhookDelivery) -> SafeString:
        return format_html('<pre class="message" tabindex="0">{}</pre>', obj.body)
