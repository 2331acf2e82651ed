"""What somebody has to know, and how it reaches its readers.

`Notification` is the outbox: written in the transaction of the act it tells of. Workers make of it entries in inboxes,
letters by e-mail and deliveries to webhooks, each sent by whoever claims its row.
"""

from datetime import time
from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.facilities.models import TenantModel
from apps.notifications.kinds import called


class Notification(models.Model):
    """What happened. `facts` and `path` hold numbers, days, ids and names of things, never of a patient.

    `facility_id` is null where it is about no facility. As of audit events, a facility reads its own rows; who is told
    is a matter of the kind. `occasion` tells two apart that are about the same object.
    """

    facility_id = models.BigIntegerField(_("facility"), null=True)
    kind = models.CharField(_("kind"), max_length=40)
    object_type = models.CharField(_("object type"), max_length=64)
    object_id = models.CharField(_("object"), max_length=80)
    occasion = models.CharField(_("occasion"), max_length=64, blank=True)
    path = models.CharField(_("page"), max_length=300, blank=True)
    due_on = models.DateField(_("due"), null=True)
    facts = models.JSONField(_("facts"), default=dict)
    told_at = models.DateTimeField(_("told"), db_default=Now(), editable=False)
    fanned_out_at = models.DateTimeField(_("handed on"), null=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints = [
            models.UniqueConstraint(
                fields=["facility_id", "kind", "object_type", "object_id", "occasion"],
                name="told_once",
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(fanned_out_at=None), name="notification_waiting"),
            models.Index(fields=["told_at"], name="notification_by_age"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Of the kind; kinds are no choices of the field, or each new one would be a migration."""
        return called(self.kind)


class Delivered(models.Model):
    """What a reader gets. `facility_id` says in whose portal it is read, null in the center's workplace: a facility
    sees what its own people are told, never what staff are told about it.
    """

    facility_id = models.BigIntegerField(_("facility"), null=True)
    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("notification")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("reader")
    )

    class Meta:
        abstract = True


class Entry(Delivered):
    """A notification in a reader's inbox."""

    read_at = models.DateTimeField(_("read"), null=True)

    class Meta:
        verbose_name = _("inbox entry")
        verbose_name_plural = _("inbox entries")
        constraints = [models.UniqueConstraint(fields=["notification", "user"], name="one_entry_a_reader")]
        indexes = [
            models.Index(fields=["user", "facility_id", "-id"], name="entry_of_reader"),
            models.Index(fields=["user", "facility_id"], condition=Q(read_at=None), name="entry_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.notification} → {self.user}"


class Letter(Delivered):
    """A notification on its way to a reader by e-mail; `due_at` is null once it was sent, or given up."""

    due_at = models.DateTimeField(_("next try"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True)
    problem = models.CharField(_("problem"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        constraints = [models.UniqueConstraint(fields=["notification", "user"], name="one_letter_a_reader")]
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="letter_due")]

    def __str__(self) -> str:
        return f"{self.notification} → {self.user}"


class Preference(models.Model):
    """How a person wants to hear of a kind, where it is not as the kind's default."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    in_inbox = models.BooleanField()
    by_email = models.BooleanField()

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_preference_a_kind")]

    def __str__(self) -> str:
        return f"{self.user}: {self.kind}"


class ReadingHours(models.Model):
    """When a person's e-mail may come, by the clock where they are; what is urgent comes at once."""

    MORNING: ClassVar[time] = time(7)

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", primary_key=True)
    digest_at = models.TimeField(_("once a day, at"), null=True, blank=True)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)

    class Meta:
        verbose_name = _("reading hours")
        verbose_name_plural = _("reading hours")
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_begin_and_end",
            )
        ]

    def __str__(self) -> str:
        return str(self.user)


class Webhook(TenantModel):
    """An address of the facility's own systems that is told. Its secret lies sealed; after a rotation the one before
    signs too, until `previous_until`.
    """

    url = models.URLField(_("address"), max_length=500)
    label = models.CharField(_("label"), max_length=100)
    kinds = ArrayField(models.CharField(max_length=40), verbose_name=_("told of"), default=list)
    sealed_secret = models.BinaryField()
    sealed_previous = models.BinaryField(null=True)
    previous_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("created"))
    failing_since = models.DateTimeField(_("failing since"), null=True)
    disabled_at = models.DateTimeField(_("switched off"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        constraints = [models.UniqueConstraint(fields=["facility", "id"], name="webhook_of_facility")]

    def __str__(self) -> str:
        return self.label

    @property
    def is_listening(self) -> bool:
        """Neither revoked nor switched off."""
        return self.revoked_at is None and self.disabled_at is None


class WebhookDelivery(TenantModel):
    """One message to one webhook. Its id and its bytes stay the same however often it is sent."""

    webhook = models.ForeignKey(
        Webhook, on_delete=models.PROTECT, related_name="deliveries", db_constraint=False, db_index=False
    )
    uid = models.UUIDField(default=uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=40)
    notification_id = models.BigIntegerField(null=True)
    body = models.TextField()
    created_at = models.DateTimeField(_("created"))
    due_at = models.DateTimeField(_("next try"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    tried_at = models.DateTimeField(_("last tried"), null=True)
    taken_ms = models.PositiveIntegerField(_("milliseconds"), null=True)
    status = models.PositiveSmallIntegerField(_("answer"), null=True)
    problem = models.CharField(_("problem"), max_length=100, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="webhook_delivery_of_facility"),
            models.UniqueConstraint(fields=["facility", "webhook", "notification_id"], name="one_delivery_a_webhook"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="webhook_delivery_due"),
            models.Index(fields=["facility", "webhook", "-id"], name="webhook_delivery_listed"),
        ]

    def __str__(self) -> str:
        return f"msg_{self.uid.hex}"
