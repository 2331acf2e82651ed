"""What a facility has agreed on for the end of storage. The contract will write these; the latest governs."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.contracts.models import OnExpiry, OnSilence
from apps.facilities.models import TenantModel
from apps.retention.models.rules import CODE, is_period


class DeletionPolicy(TenantModel):
    """Append-only. The default, without any row, keeps: notify, and silence is no consent."""

    on_expiry = models.CharField(_("on expiry"), max_length=10, choices=OnExpiry, default=OnExpiry.NOTIFY)
    notice_days = models.PositiveSmallIntegerField(_("days of notice"), default=60)
    reminder_days = ArrayField(
        models.PositiveSmallIntegerField(), default=list, blank=True, verbose_name=_("reminders, days before the end"),
    )  # fmt: skip
    on_silence = models.CharField(_("silence means"), max_length=10, choices=OnSilence, default=OnSilence.KEEP)
    minimum_period = models.CharField(
        _("at least, from the exam"), max_length=CODE, blank=True, validators=[is_period],
        help_text=_("Lengthens what the law asks for, never shortens it. ISO 8601, e.g. P10Y"),
    )  # fmt: skip
    agreed_at = models.DateTimeField(_("agreed"))
    agreed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("deletion policy")
        verbose_name_plural = _("deletion policies")
        constraints = [models.UniqueConstraint(fields=["facility", "id"], name="deletion_policy_of_facility")]

    def __str__(self) -> str:
        return f"{self.get_on_expiry_display()}"

    @property
    def notice(self) -> timedelta:
        """How long the facility has to decide."""
        return timedelta(days=self.notice_days)


def policy_of(facility_id: int) -> DeletionPolicy:
    """The policy that governs now."""
    found = DeletionPolicy.objects.filter(facility_id=facility_id).order_by("-pk").first()
    return found or DeletionPolicy(facility_id=facility_id)
