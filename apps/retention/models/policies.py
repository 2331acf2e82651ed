"""What a facility has agreed on for the end of storage: by its contract; without one, the latest policy governs."""

from collections.abc import Iterable
from datetime import date, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.contracts.agreeing import coming_versions_of, governing_versions_of
from apps.contracts.models import ContractVersion, OnExpiry, OnSilence
from apps.core.clock import database_now
from apps.core.periods import parse_period
from apps.facilities.models import TenantModel
from apps.retention.models.rules import CODE, is_period

TERMS = ("on_expiry", "notice_days", "reminder_days", "on_silence", "minimum_period")
_ANY_DAY = date(2000, 1, 1)


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
    """What governs now. What a contract says, or nobody has said, is on no row."""
    return policies_of([facility_id], on=database_now().date())[facility_id]


def policies_of(facility_ids: Iterable[int], *, on: date) -> dict[int, DeletionPolicy]:
    """What governs each facility that day: its contract, else the policy agreed on last, else the default."""
    keys = list(facility_ids)
    latest = DeletionPolicy.objects.filter(facility_id__in=keys).order_by("facility_id", "-pk").distinct("facility_id")
    agreed = {policy.facility_id: policy for policy in latest}
    contracts = {key: _policy_in(version) for key, version in governing_versions_of(keys, on=on).items()}
    return {key: contracts.get(key) or agreed.get(key) or DeletionPolicy(facility_id=key) for key in keys}


def minimum_period_of(facility_id: int) -> str:
    """What the facility adds to the law: of what was agreed on for today and for later, the longest.

    What is agreed on for later counts already: it could only lengthen, and no study has to be assessed on its day.
    """
    today = database_now().date()
    later = [version.minimum_period for version in coming_versions_of(facility_id, after=today)]
    periods = [policy_of(facility_id).minimum_period, *later]
    return max(filter(None, periods), key=lambda period: parse_period(period).after(_ANY_DAY), default="")


def _policy_in(version: ContractVersion) -> DeletionPolicy:
    terms = {name: getattr(version, name) for name in TERMS}
    return DeletionPolicy(
        facility_id=version.facility_id, agreed_at=version.agreed_at, agreed_by=version.agreed_by, **terms
    )
