"""What is stored, metered: an entry for each change, written by the database, and a total for each day."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.facilities.models import TenantModel


class StorageEntry(TenantModel):
    """A pack or a study came or went. Append-only; a trigger writes it in the transaction that stores or deletes."""

    at = models.DateTimeField(_("time"))
    delta_bytes = models.BigIntegerField(_("bytes"), default=0)
    delta_studies = models.IntegerField(_("studies"), default=0)

    class Meta:
        verbose_name = _("storage entry")
        verbose_name_plural = _("storage entries")
        indexes = [models.Index(fields=["facility", "at"], name="storage_entry_by_time")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d} {self.delta_bytes:+}"


class StorageDay(TenantModel):
    """What lay in the vault at the end of a day of the facility's calendar. Append-only."""

    day = models.DateField(_("day"))
    ends_at = models.DateTimeField(_("ended"), help_text=_("what came later counts for the day after"))
    stored_bytes = models.BigIntegerField(_("bytes"))
    studies = models.IntegerField(_("studies"))

    class Meta:
        verbose_name = _("storage of a day")
        verbose_name_plural = _("storage by the day")
        constraints = [models.UniqueConstraint(fields=["facility", "day"], name="storage_of_day")]

    def __str__(self) -> str:
        return f"{self.day}"
