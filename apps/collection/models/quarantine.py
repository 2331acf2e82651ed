"""What staff decided about files that could not be read."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.collection.models.collections import Collection
from apps.core.periods import FOREVER
from apps.facilities.models import TenantModel


class QuarantineAct(models.TextChoices):
    """How a file leaves the quarantine; its bytes stay where they are in either case."""

    FILED = "filed", _("Read again and filed")
    BY_HAND = "by_hand", _("Filed by hand")
    SET_ASIDE = "set_aside", _("Set aside")


class Basis(models.TextChoices):
    """On what a file is set aside."""

    NO_IMAGE = "no_image", _("It holds no image")
    SENT_AGAIN = "sent_again", _("The facility sent the image again, undamaged")
    FACILITY_HAS_IT = "facility_has_it", _("The facility has it back, or keeps it itself")
    BEYOND_READING = "beyond_reading", _("It is damaged beyond reading, and no other copy exists")


class QuarantineDecision(TenantModel):
    """That a quarantined file was decided on: by whom, and why. The facility reads it. Append-only.

    One that is set aside is to be decided on again from `review_on` on; where that is not told, as earlier releases set
    files aside, from now on. `round` numbers the decisions on a file from 0.

    By the file's number: a key would need an index of all received files, for the few in quarantine.
    """

    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="quarantine_decisions",
        verbose_name=_("collection"),
    )  # fmt: skip
    file_number = models.BigIntegerField(_("file"), help_text=_("of a received file"))
    act = models.CharField(_("decision"), max_length=10, choices=QuarantineAct)
    basis = models.CharField(_("basis"), max_length=20, choices=Basis, blank=True)
    reason = models.CharField(_("reason"), max_length=300)
    review_on = models.DateField(_("to be decided on again"), null=True)
    round = models.PositiveSmallIntegerField(default=0)
    filed_by = models.ForeignKey(
        Collection, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+",
        verbose_name=_("filed by"),
    )  # fmt: skip
    decided_at = models.DateTimeField(_("decided"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )

    class Meta:
        verbose_name = _("quarantine decision")
        verbose_name_plural = _("quarantine decisions")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="quarantine_decision_of_facility"),
            models.UniqueConstraint(fields=["facility", "file_number", "round"], name="quarantined_file_decided_once"),
            models.CheckConstraint(
                condition=models.Q(act__in=["filed", "by_hand"], basis="", review_on=None, filed_by__isnull=False)
                | models.Q(act="set_aside", basis__gt="", filed_by=None),
                name="quarantine_decision_has_its_basis",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=False) | models.Q(filed_by__isnull=False),
                name="quarantine_decision_has_its_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_act_display()} #{self.file_number}"

    @property
    def comes_up_again(self) -> bool:
        """Whether there is a day on which the file is to be decided on again."""
        return self.review_on not in {None, FOREVER}

    @property
    def decider(self) -> str:
        """Who decided; of a rebuilt catalog, whom the pack of the filing names: packs do not hold people."""
        if self.decided_by:
            return str(self.decided_by)
        assert self.filed_by
        return self.filed_by.reception_record.operator
