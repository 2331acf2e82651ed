"""Append-only events: who did what to which object, when, and from where."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    """One act, written in the transaction that carries it out. Ids and facts only, never patient data."""

    at = models.DateTimeField(_("time"), db_default=Now(), editable=False)
    facility_id = models.BigIntegerField(_("facility"), null=True, db_index=True)
    actor_kind = models.CharField(_("actor kind"), max_length=16)
    actor_id = models.CharField(_("actor"), max_length=64)
    action = models.CharField(_("action"), max_length=64)
    object_type = models.CharField(_("object type"), max_length=64)
    object_id = models.CharField(_("object"), max_length=80)
    source_address = models.GenericIPAddressField(_("source address"), null=True)
    details = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        indexes = [
            models.Index(fields=["facility_id", "-at", "-id"], name="audit_by_facility"),
            models.Index(fields=["object_type", "object_id"], name="audit_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"
