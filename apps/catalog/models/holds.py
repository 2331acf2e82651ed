"""Reasons not to delete a study."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.catalog.models.studies import Study
from apps.catalog.models.widths import SHORT
from apps.facilities.models import TenantModel


class HoldKind(models.TextChoices):
    """Whose reason it is not to delete."""

    LEGAL = "legal", _("Legal")
    CLINICAL = "clinical", _("Clinical")
    FACILITY = "facility", _("The facility's own")
    ORDER = "order", _("Open order")


class Hold(TenantModel):
    """A reason not to delete a study, without a date. A legal one is released by another person than asked for it."""

    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="holds"
    )
    kind = models.CharField(_("kind"), max_length=SHORT, choices=HoldKind)
    reason = models.CharField(_("reason"), max_length=300)
    authority = models.CharField(_("authority"), max_length=200, blank=True)
    placed_at = models.DateTimeField(_("placed"))
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    release_asked_at = models.DateTimeField(_("release asked for"), null=True)
    release_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    released_at = models.DateTimeField(_("released"), null=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="hold_of_facility"),
            models.CheckConstraint(
                condition=models.Q(released_at=None)
                | ~models.Q(kind=HoldKind.LEGAL)
                | (models.Q(release_asked_by__isnull=False) & ~models.Q(released_by=models.F("release_asked_by"))),
                name="legal_hold_released_by_two",
            ),
        ]
        indexes = [
            models.Index(fields=["facility", "study"], name="hold_of_study"),
            models.Index(
                fields=["id"],
                condition=models.Q(released_at=None, release_asked_at__isnull=False),
                name="hold_to_be_released",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.study_id}"
