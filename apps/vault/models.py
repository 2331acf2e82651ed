"""Packs: where the bytes are."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.facilities.models import TenantModel


class PackKind(models.TextChoices):
    """What a pack holds."""

    STUDY = "study", _("Files of one study")
    QUARANTINE = "quarantine", _("Files that could not be read")


class Pack(TenantModel):
    """A ZIP in the primary and, once `replicated_at` is set, verified in the replica too. Never changed."""

    name = models.CharField(_("name"), max_length=200, help_text=_("the same in both places"))
    kind = models.CharField(_("kind"), max_length=10, choices=PackKind)
    size_bytes = models.BigIntegerField(_("size"))
    sha256 = models.BinaryField(_("SHA-256"), max_length=32)
    file_count = models.PositiveIntegerField(_("files"))
    created_at = models.DateTimeField(_("stored in the primary"))
    replicated_at = models.DateTimeField(_("verified in both places"), null=True)

    class Meta:
        verbose_name = _("pack")
        verbose_name_plural = _("packs")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="pack_of_facility"),
            models.UniqueConstraint(fields=["facility", "name"], name="pack_name_of_facility"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(replicated_at=None), name="pack_without_replica"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_stored(self) -> bool:
        """Whether both copies were read back and matched."""
        return self.replicated_at is not None
