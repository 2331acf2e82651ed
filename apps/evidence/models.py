"""What the center shows of itself: sums of what it keeps, signed heads of the audit log, reports for inspectors."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.facilities.models import TenantModel


class Holdings(TenantModel):
    """What a facility has at the center, summed up at a time: of facilities too large to be counted for every page.

    `ends`: how many studies' storage periods end in a month, by its first day (ISO 8601).
    """

    as_of = models.DateTimeField(_("as of"))
    studies = models.BigIntegerField(_("studies"))
    images = models.BigIntegerField(_("images"))
    patients = models.BigIntegerField(_("patients"))
    size_bytes = models.BigIntegerField(_("size"))
    packs = models.BigIntegerField(_("packs"))
    copied_packs = models.BigIntegerField(_("packs in both places"))
    verified_oldest_at = models.DateTimeField(_("every pack was verified since"), null=True)
    verified_newest_at = models.DateTimeField(_("last verified"), null=True)
    ends = models.JSONField(_("ends of storage periods"), default=dict)

    class Meta:
        verbose_name = _("holdings")
        verbose_name_plural = _("holdings")
        constraints = [models.UniqueConstraint(fields=["facility"], name="holdings_of_facility")]

    def __str__(self) -> str:
        return f"{self.studies}"


class Checkpoint(TenantModel):
    """The signed head of the Merkle tree (RFC 9162, 2.1.1) of a facility's audit events before `until`. Append-only.

    Leaves are in the order of time and number. `edge`: the hashes of the complete subtrees from the largest on, where
    the next checkpoint goes on.
    """

    until = models.DateTimeField(_("until"))
    size = models.BigIntegerField(_("events"))
    root = models.BinaryField(_("root"), max_length=32)
    edge = ArrayField(models.BinaryField(max_length=32), default=list)
    made_at = models.DateTimeField(_("made"))
    jws = models.TextField(_("signed head"))

    class Meta:
        verbose_name = _("checkpoint")
        verbose_name_plural = _("checkpoints")
        constraints = [models.UniqueConstraint(fields=["facility", "until"], name="one_checkpoint_at_a_time")]

    def __str__(self) -> str:
        return f"{self.until:%Y-%m-%d}"


class ReportState(models.TextChoices):
    """Where an evidence report stands."""

    REQUESTED = "requested", _("Waiting")
    MAKING = "making", _("Being made")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Report(TenantModel):
    """What the center shows an inspector about a period: `facts`, signed as `jws`; the document is set from them.

    The row is the queue: a worker claims what is requested, and what was being made when a worker died.
    """

    first_on = models.DateField(_("from"))
    last_on = models.DateField(_("to"))
    state = models.CharField(_("state"), max_length=10, choices=ReportState, default=ReportState.REQUESTED)
    percent = models.PositiveSmallIntegerField(_("done (%)"), default=0)
    requested_at = models.DateTimeField(_("requested"))
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    claimed_at = models.DateTimeField(_("claimed"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    made_at = models.DateTimeField(_("made"), null=True)
    facts = models.JSONField(_("facts"), default=dict)
    jws = models.TextField(_("signed facts"), blank=True)

    class Meta:
        verbose_name = _("evidence report")
        verbose_name_plural = _("evidence reports")
        constraints = [models.UniqueConstraint(fields=["facility", "id"], name="report_of_facility")]
        indexes = [
            models.Index(
                fields=["requested_at", "id"],
                condition=models.Q(state__in=[ReportState.REQUESTED, ReportState.MAKING]),
                name="report_to_be_made",
            ),
        ]

    def __str__(self) -> str:
        return f"E-{self.pk:06d}" if self.pk else "-"
