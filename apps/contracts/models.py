"""Contracts: a facility takes a tier version at a price list, on terms; amended by further versions alone."""

from datetime import date, datetime
from decimal import Decimal
from typing import Self
from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.contracts.errors import IllegalTransition
from apps.core.money import Currency
from apps.core.periods import is_period
from apps.core.shown import day
from apps.facilities.models import TenantModel
from apps.tiers.models import PriceList, TierVersion

PERIOD = 20


class State(models.TextChoices):
    """State of a contract; `TRANSITIONS` lists what may follow what."""

    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
    TERMINATING = "terminating", _("Terminating")
    ENDED = "ended", _("Ended")


TRANSITIONS: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.ACTIVE}),
    State.ACTIVE: frozenset({State.SUSPENDED, State.TERMINATING}),
    State.SUSPENDED: frozenset({State.ACTIVE, State.TERMINATING}),
    State.TERMINATING: frozenset({State.ACTIVE, State.ENDED}),
    State.ENDED: frozenset(),
}
IN_FORCE = frozenset({State.ACTIVE, State.SUSPENDED, State.TERMINATING})


class OnExpiry(models.TextChoices):
    """What happens once the last floor of a study has passed."""

    NOTIFY = "notify", _("Notify the facility first")
    DELETE = "delete", _("Delete at once")


class OnSilence(models.TextChoices):
    """What a facility's silence to a notice means."""

    KEEP = "keep", _("Keep for another year, and charge")
    DELETE = "delete", _("Delete")


class Contract(TenantModel):
    """That a facility is served, from a day on and until one. Two of a facility never share a day."""

    uid = models.UUIDField(_("identifier"), default=uuid4, editable=False)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.DRAFT)
    currency = models.CharField(_("currency"), max_length=3, choices=Currency)
    starts_on = models.DateField(_("starts"))
    ends_on = models.DateField(_("ends"), null=True, help_text=_("the first day that is not served any more"))
    notice_on = models.DateField(_("notice given"), null=True)
    created_at = models.DateTimeField(_("created"))
    activated_at = models.DateTimeField(_("active since"), null=True)
    suspended_at = models.DateTimeField(_("suspended since"), null=True)
    suspended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+",
        verbose_name=_("suspended by"), help_text=_("by hand, until resumed by hand; else for an overdue invoice"),
    )  # fmt: skip
    returned_at = models.DateTimeField(
        _("everything returned"), null=True, help_text=_("the facility confirmed that it has all of its images back")
    )
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("contract")
        verbose_name_plural = _("contracts")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="contract_of_facility"),
            models.UniqueConstraint(fields=["facility", "uid"], name="contract_uid_of_facility"),
            models.CheckConstraint(condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")), name="contract_has_days"),
        ]
        indexes = [models.Index(fields=["state", "id"], name="contract_by_state")]

    def __str__(self) -> str:
        return f"C-{self.pk:06d}" if self.pk else "-"

    def advance(self, state: State, *, at: datetime) -> None:
        """Move to `state`; the caller saves. Raises IllegalTransition."""
        if state not in TRANSITIONS[State(self.state)]:
            raise IllegalTransition(
                gettext("The contract is %(state)s and cannot become %(other)s")
                % {"state": self.get_state_display(), "other": State(state).label}
            )
        self.state = state
        if state == State.ACTIVE:
            self.activated_at, self.suspended_at, self.suspended_by = self.activated_at or at, None, None
        elif state == State.SUSPENDED:
            self.suspended_at = at
        elif state == State.ENDED:
            self.ended_at = at

    @property
    def is_suspended(self) -> bool:
        """New outputs wait. Notice may be given all the same, and does not make them go on."""
        return self.state in IN_FORCE and self.suspended_at is not None

    def serves(self, day: date) -> bool:
        """Whether the day is one of the contract's."""
        return self.state != State.DRAFT and self.starts_on <= day and (self.ends_on is None or day < self.ends_on)


class ContractVersionQuerySet(models.QuerySet["ContractVersion"]):
    def agreed(self) -> Self:
        """Versions that govern: approved where their tier asks for it."""
        return self.filter(Q(tier_version__needs_approval=False) | Q(approved_by__isnull=False))


class ContractVersion(TenantModel):
    """What is agreed from a day on. Append-only: an amendment is a further version, which governs from its day."""

    contract = models.ForeignKey(
        Contract, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="versions"
    )
    number = models.PositiveSmallIntegerField(_("version"))
    effective_from = models.DateField(_("effective from"))
    tier_version = models.ForeignKey(TierVersion, on_delete=models.PROTECT, related_name="+", verbose_name=_("tier"))
    price_list = models.ForeignKey(PriceList, on_delete=models.PROTECT, related_name="+", verbose_name=_("price list"))
    minimum_term = models.CharField(_("minimum term"), max_length=PERIOD, default="P1Y", validators=[is_period])
    notice_period = models.CharField(_("notice period"), max_length=PERIOD, default="P3M", validators=[is_period])
    discount_percent = models.DecimalField(
        _("discount (%)"), max_digits=5, decimal_places=2, default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
    )  # fmt: skip
    minimum_commitment = models.DecimalField(
        _("minimum a month"), max_digits=14, decimal_places=2, default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))], help_text=_("before tax; what is missing is charged"),
    )  # fmt: skip
    payment_days = models.PositiveSmallIntegerField(_("days to pay"), default=30)
    dunning_days = ArrayField(
        models.PositiveSmallIntegerField(), default=list, blank=True, verbose_name=_("reminders, days after due"),
    )  # fmt: skip
    suspend_after_days = models.PositiveSmallIntegerField(
        _("outputs stop, days after due"), null=True, blank=True,
        help_text=_("new outputs alone: never collection, storage or an emergency"),
    )  # fmt: skip
    on_expiry = models.CharField(_("on expiry"), max_length=10, choices=OnExpiry, default=OnExpiry.NOTIFY)
    notice_days = models.PositiveSmallIntegerField(_("days of notice before deletion"), default=60)
    reminder_days = ArrayField(
        models.PositiveSmallIntegerField(), default=list, blank=True, verbose_name=_("reminders, days before the end"),
    )  # fmt: skip
    on_silence = models.CharField(_("silence means"), max_length=10, choices=OnSilence, default=OnSilence.KEEP)
    minimum_period = models.CharField(
        _("kept at least, from the exam"), max_length=PERIOD, blank=True, validators=[is_period],
        help_text=_("Lengthens what the law asks for, never shortens it. ISO 8601, e.g. P10Y"),
    )  # fmt: skip
    charges_custody = models.BooleanField(
        _("custody is charged after the end"), default=True,
        help_text=_("what must be kept after the last day goes on being charged, at the price for storage"),
    )  # fmt: skip
    agreed_at = models.DateTimeField(_("agreed"))
    agreed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    objects = ContractVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("contract version")
        verbose_name_plural = _("contract versions")
        ordering = ["contract", "number"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="contract_version_of_facility"),
            models.UniqueConstraint(fields=["facility", "contract", "number"], name="version_of_contract"),
            models.CheckConstraint(
                condition=Q(discount_percent__gte=0, discount_percent__lte=100, minimum_commitment__gte=0),
                name="terms_are_possible",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract}/{self.number}"

    @property
    def is_agreed(self) -> bool:
        """Whether it may govern; see the query set."""
        return self.approved_by_id is not None or not self.tier_version.needs_approval


class Signature(TenantModel):
    """That a person signed a contract version electronically, and the document that was signed. Append-only."""

    version = models.OneToOneField(
        ContractVersion, on_delete=models.PROTECT, db_constraint=False, related_name="signature"
    )
    name = models.CharField(_("name"), max_length=150, help_text=_("as the signer wrote it"))
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(_("signed"))
    source_address = models.GenericIPAddressField(_("source address"), null=True)
    document = models.BinaryField(_("document"), help_text=_("PDF/A"))
    document_sha256 = models.BinaryField(_("SHA-256"), max_length=32)

    class Meta:
        verbose_name = _("signature")
        verbose_name_plural = _("signatures")

    def __str__(self) -> str:
        return f"{self.name} {day(self.signed_at)}"
