"""Notifications: the inbox of whoever is signed in, and what they want to be told. Systems listen by webhooks."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.api.doors import entered
from apps.api.fields import BoundedListField, LocalTimeField, person, valid
from apps.api.paging import PAGED, Page, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.notifications.inbox import entries_of, read, unread_of
from apps.notifications.kinds import Kind
from apps.notifications.models import Entry
from apps.notifications.preferences import choose, choose_hours, chosen_by, hours_of
from apps.notifications.wording import in_words

UNREAD = OpenApiParameter("unread", bool, description="only what was not read yet")
MOST_AT_ONCE = 500
HOURS = ("digest_at", "quiet_from", "quiet_until")


class NotificationSerializer(serializers.Serializer[Any]):
    """What happened, what there is to do and by when, in the reader's language."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="stable, for programs")
    title = serializers.CharField()
    happened = serializers.CharField()
    to_do = serializers.CharField()
    due_on = serializers.DateField(allow_null=True)
    url = serializers.CharField(help_text="of the page that it is about")
    told_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class ReadSerializer(serializers.Serializer[Any]):
    """Which notifications were read; left out: all of them."""

    notifications = BoundedListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), min_length=1, max_length=MOST_AT_ONCE,
        required=False,
    )  # fmt: skip


class UnreadSerializer(serializers.Serializer[Any]):
    """How many are left."""

    unread = serializers.IntegerField()


class PreferenceSerializer(serializers.Serializer[Any]):
    """How a kind reaches a person."""

    kind = serializers.ChoiceField(choices=Kind.choices)
    in_inbox = serializers.BooleanField()
    by_email = serializers.BooleanField()


class ChosenSerializer(PreferenceSerializer):
    """The same, and whether its e-mail cannot be switched off."""

    title = serializers.CharField()
    is_binding = serializers.BooleanField()


class HoursSerializer(serializers.Serializer[Any]):
    """When e-mail may come: once a day, and not in quiet hours, by the clock where the person is; null: at any time."""

    digest_at = LocalTimeField(allow_null=True, required=False)
    quiet_from = LocalTimeField(allow_null=True, required=False)
    quiet_until = LocalTimeField(allow_null=True, required=False)


class PreferencesSerializer(HoursSerializer):
    """All that a person chose."""

    kinds = ChosenSerializer(many=True)


class PreferencesWishSerializer(HoursSerializer):
    """What is to be another way; what is left out stays."""

    kinds = PreferenceSerializer(many=True, required=False)


class NotificationsView(Resource):
    """The inbox."""

    tag = "Notifications"

    @extend_schema(
        operation_id="notifications_list", responses=page_serializer("notifications", NotificationSerializer),
        parameters=[*PAGED, UNREAD],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """What the person was told here, the latest first."""
        only_unread = serializers.BooleanField().to_internal_value(request.query_params.get("unread", "false"))
        found = (unread_of if only_unread else entries_of)(person(request), entered(request).facility.pk)
        page = page_of(request, found, "-pk")
        return listed(request, "notifications", NotificationSerializer, Page([*map(_told, page.rows)], page.next))


class ReadView(Resource):
    """Notifications that were read."""

    tag = "Notifications"

    @extend_schema(
        operation_id="notifications_read", request=ReadSerializer, responses=UnreadSerializer,
        examples=[OpenApiExample("Two of them", {"notifications": [17, 18]}, request_only=True)],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Mark notifications as read."""
        unread = unread_of(person(request), entered(request).facility.pk)
        asked = valid(ReadSerializer, request)
        read(unread.filter(pk__in=asked["notifications"]) if asked else unread, now=timezone.now())
        return Response({"unread": unread.count()})


class PreferencesView(Resource):
    """What a person wants to be told; the same in all their facilities."""

    tag = "Notifications"

    @extend_schema(operation_id="notification_preferences_retrieve", responses=PreferencesSerializer)
    def get(self, request: Request) -> Response:
        """What reaches the person, how and when."""
        return Response(_preferences(person(request)))

    @extend_schema(
        operation_id="notification_preferences_change", request=PreferencesWishSerializer,
        responses=PreferencesSerializer,
        examples=[
            OpenApiExample(
                "A letter a day", {"digest_at": "07:00:00", "kinds": [
                    {"kind": "collection.stored", "in_inbox": True, "by_email": False}]}, request_only=True,
            )
        ],
    )  # fmt: skip
    def patch(self, request: Request) -> Response:
        """Choose what reaches the person, how and when."""
        user, asked = person(request), valid(PreferencesWishSerializer, request)
        hours = hours_of(user)
        wanted = {name: asked.get(name, getattr(hours, name)) for name in HOURS}
        if (wanted["quiet_from"] is None) != (wanted["quiet_until"] is None):
            raise serializers.ValidationError({"quiet_until": ["Quiet hours need both a beginning and an end"]})
        concerning = {each.kind for each in chosen_by(user)}
        channels = {Kind(each["kind"]): (each["in_inbox"], each["by_email"]) for each in asked.get("kinds", [])}
        if strange := channels.keys() - concerning:
            raise serializers.ValidationError({"kinds": [f"{min(strange)} does not reach you"]})
        choose_hours(user, **wanted)
        choose(user, channels)
        return Response(_preferences(user))


def _told(entry: Entry) -> dict[str, Any]:
    notification = entry.notification
    words = in_words(notification)
    told = {name: getattr(words, name) for name in ("title", "happened", "to_do", "due_on", "url")}
    return told | {
        "id": entry.pk, "kind": notification.kind, "told_at": notification.told_at, "read_at": entry.read_at,
    }  # fmt: skip


def _preferences(user: User) -> Any:
    hours = hours_of(user)
    kinds = [
        {
            "kind": each.kind, "title": str(each.kind.label), "in_inbox": each.in_inbox, "by_email": each.by_email,
            "is_binding": each.telling.is_binding,
        }
        for each in chosen_by(user)
    ]  # fmt: skip
    return PreferencesSerializer({"kinds": kinds} | {name: getattr(hours, name) for name in HOURS}).data
