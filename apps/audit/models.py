"""Append-only events: who did what to which object, when, and from where. And background work that failed."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

# Acts on who and what may enter a facility; its owners are told of them.
ACCESS = ("invitation.accepted", "membership.removed", "membership.role_changed", "token.issued")


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
            models.Index(fields=["at"], condition=models.Q(action__in=ACCESS), name="audit_of_access"),
        ]

    def __str__(self) -> str:
        return f"{self.act} ({self.about})"

    @property
    def act(self) -> str:
        """As the trail names it, in plain letters: it is kept in English, for programs as well."""
        return self.action.replace(".", ": ").replace("_", " ")

    @property
    def about(self) -> str:
        """Kind and number of the object."""
        return f"{self.object_type.replace('_', ' ')} {self.object_id}".strip()


class FailedTask(models.Model):
    """What a piece of background work failed of: further failures of the same kind count, a success resolves them.

    Without patient data: the class of the error, the line of ours that it came from, and what it says only where it is
    one of our own errors. `arguments` are ids; work with others cannot be repeated from here.
    """

    task = models.CharField(_("task"), max_length=120)
    arguments = models.JSONField(_("arguments"), default=dict)
    is_repeatable = models.BooleanField(_("can be repeated"), default=True)
    error = models.CharField(_("error"), max_length=120)
    message = models.CharField(_("message"), max_length=300, blank=True)
    place = models.CharField(_("raised in"), max_length=160, blank=True)
    request_id = models.CharField(_("last request ID"), max_length=64, blank=True)
    times = models.PositiveIntegerField(_("times"), default=1)
    first_failed_at = models.DateTimeField(_("first failed"))
    last_failed_at = models.DateTimeField(_("last failed"))
    retried_at = models.DateTimeField(_("last repeated by staff"), null=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True)

    class Meta:
        verbose_name = _("failed task")
        verbose_name_plural = _("failed tasks")
        constraints = [
            models.UniqueConstraint(
                fields=["task", "arguments", "error"],
                condition=models.Q(resolved_at=None),
                name="open_failure_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.error}"

    @property
    def name(self) -> str:
        """The task's name without the path of its module."""
        return self.task.rsplit(".", 1)[-1]
