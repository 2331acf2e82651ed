"""What terminals were promised over the DICOM network, and whether they know."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.collection.models import Terminal
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
        return f"{len(self.references)} / {self.requested_at:%Y-%m-%d %H:%M}"
