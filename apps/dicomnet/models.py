"""What terminals were promised over the DICOM network, and whether they know."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.collection.models import Terminal
from apps.core.shown import moment
from apps.facilities.models import TenantModel


class Commitment(TenantModel):
    """A request for storage commitment and its result (PS3.4, annex J): images that the terminal means to delete."""

    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="commitments"
    )
    transaction_uid = models.CharField(_("Transaction UID"), max_length=64)
    requested_at = models.DateTimeField(_("requested"))
    references = models.JSONField(_("images"), help_text=_("SOP Class UID and SOP Instance UID of each"))
    failures = models.JSONField(_("not committed"), null=True, help_text=_("failure reason by SOP Instance UID"))
    verified_at = models.DateTimeField(_("verified"), null=True)
    next_at = models.DateTimeField(_("next attempt to report"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts to report"), default=0)
    reported_at = models.DateTimeField(_("reported"), null=True)

    class Meta:
        verbose_name = _("storage commitment")
        verbose_name_plural = _("storage commitments")
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "terminal", "transaction_uid"], name="commitment_requested_once"
            )
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(next_at__isnull=False), name="commitment_to_report"),
            models.Index(fields=["facility", "-requested_at"], name="commitment_by_time"),
        ]

    def __str__(self) -> str:
        return f"{len(self.references)} / {moment(self.requested_at)}"


class Via(models.TextChoices):
    """How a source is read."""

    GET = "get", _("C-GET")
    MOVE = "move", _("C-MOVE")
    WEB = "web", _("DICOMweb")


class Source(TenantModel):
    """A facility's DICOM node or DICOMweb server from which the center fetches what is new."""

    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="sources",
        verbose_name=_("terminal"), help_text=_("its AE title, address and port are those of the node"),
    )  # fmt: skip
    via = models.CharField(_("read by"), max_length=5, choices=Via, default=Via.GET)
    url = models.URLField(_("DICOMweb address"), max_length=500, blank=True)
    sealed_authorization = models.BinaryField(max_length=8192, null=True, editable=False)
    every_hours = models.PositiveSmallIntegerField(
        _("hours between fetches"), null=True, blank=True, help_text=_("empty: only on demand")
    )
    overlap_days = models.PositiveSmallIntegerField(
        _("days looked at again"), default=14, help_text=_("study dates before the last fetch, for what comes late")
    )
    first_on = models.DateField(_("study dates from"), null=True, blank=True)
    is_read_twice = models.BooleanField(
        _("read twice and compare"), default=True, help_text=_("what differs is not taken, and tried again")
    )
    is_enabled = models.BooleanField(_("enabled"), default=True)
    next_at = models.DateTimeField(_("next fetch"), null=True, editable=False)
    fetched_on = models.DateField(_("fetched up to"), null=True, editable=False)
    looked_at = models.DateTimeField(_("last fetch"), null=True, editable=False)
    problem = models.CharField(_("problem"), max_length=256, blank=True, editable=False)

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        constraints = [
            models.UniqueConstraint(fields=["facility", "terminal", "via", "url"], name="source_once"),
            models.CheckConstraint(
                condition=models.Q(via="web", url__gt="") | models.Q(via__in=["get", "move"], url=""),
                name="source_has_its_address",
            ),
        ]
        indexes = [models.Index(fields=["next_at"], condition=models.Q(is_enabled=True), name="source_to_fetch")]

    def __str__(self) -> str:
        return f"{self.terminal} ({self.get_via_display()})"
