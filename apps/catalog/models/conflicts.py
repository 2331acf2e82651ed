"""Files that contradict what is stored."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.catalog.models.studies import Study
from apps.catalog.models.widths import SHORT, UID_LENGTH
from apps.facilities.models import TenantModel
from apps.vault.models import Pack


class ConflictKind(models.TextChoices):
    """Why a file could not simply join the catalog."""

    OTHER_BYTES = "other_bytes", _("Same SOP Instance UID, other bytes")
    OTHER_STUDY = "other_study", _("Same SOP Instance UID in another study")
    OTHER_PATIENT = "other_patient", _("Same Study Instance UID, another patient")
    UNREADABLE = "unreadable", _("Cannot be read; filed by hand")


class ConflictDecision(models.TextChoices):
    """What staff hold to be so of two files in conflict; it changes neither of them."""

    STORED = "stored", _("The stored file counts")
    OTHER = "other", _("The other file counts: the facility is to send it under a UID of its own")
    BOTH = "both", _("Both count, for different things")
    SAME = "same", _("Both show the same; only what accompanies it differs")


class Conflict(TenantModel):
    """A file that contradicts what is stored. Both are kept; staff decide; nothing is overwritten.

    One that cannot be read and was filed by hand contradicts nothing: it is kept beside the images of its study.
    """

    kind = models.CharField(_("kind"), max_length=SHORT, choices=ConflictKind)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, db_constraint=False, related_name="conflicts")
    sop_instance_uid = models.CharField(_("SOP Instance UID"), max_length=UID_LENGTH)
    pack = models.ForeignKey(
        Pack, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="conflicts"
    )
    pack_offset = models.BigIntegerField(_("offset in the pack"))
    length_bytes = models.BigIntegerField(_("length"))
    sha256 = models.BinaryField(_("SHA-256"), max_length=32)
    raised_at = models.DateTimeField(_("raised"))
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    decision = models.CharField(_("decision"), max_length=8, choices=ConflictDecision, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("resolved by")
    )

    class Meta:
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="conflict_of_facility"),
            models.UniqueConstraint(fields=["facility", "sop_instance_uid", "sha256"], name="conflict_raised_once"),
        ]
        indexes = [models.Index(fields=["id"], condition=models.Q(resolved_at=None), name="conflict_open")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.sop_instance_uid}"
