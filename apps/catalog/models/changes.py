"""What became of studies, for whoever reads along."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.catalog.models.widths import SHORT, UID_LENGTH
from apps.facilities.models import TenantModel


class ChangeKind(models.TextChoices):
    """What became of a study."""

    STORED = "stored", _("Stored")
    IMAGES_ADDED = "images_added", _("Images added")
    PERIOD = "period_changed", _("Kept until another day")
    HELD = "held", _("Held")
    RELEASED = "released", _("Released")
    CONFLICT = "conflict", _("A conflict was raised or decided")
    DELETED = "deleted", _("Deleted")


class StudyChange(TenantModel):
    """A change of the catalog, which the database itself notes, whoever makes it (0015_feed). By UID: it outlives the
    study. `number` is null until the first reader comes after its commit (changes.py); nothing else ever changes.
    """

    study_instance_uid = models.CharField(_("Study Instance UID"), max_length=UID_LENGTH)
    kind = models.CharField(_("kind"), max_length=SHORT, choices=ChangeKind)
    at = models.DateTimeField(_("time"), db_default=Now())
    number = models.BigIntegerField(_("number"), null=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        constraints = [models.UniqueConstraint(fields=["facility", "number"], name="change_by_number")]
        indexes = [
            models.Index(fields=["facility", "id"], condition=models.Q(number=None), name="change_without_number")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.study_instance_uid}"
