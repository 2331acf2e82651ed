"""Packs: where the bytes are, and what was found wrong with them."""

from datetime import datetime

from django.db import models
from django.db.models.functions import Coalesce
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
    checked_at = models.DateTimeField(_("last read again"), null=True)
    verified_at = models.DateTimeField(_("found good in both places again"), null=True)
    locked_until = models.DateTimeField(_("locked in the bucket until"), null=True)

    class Meta:
        verbose_name = _("pack")
        verbose_name_plural = _("packs")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="pack_of_facility"),
            models.UniqueConstraint(fields=["facility", "name"], name="pack_name_of_facility"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(replicated_at=None), name="pack_without_replica"),
            models.Index(fields=["id"], condition=models.Q(locked_until=None), name="pack_to_be_locked"),
            models.Index(Coalesce("checked_at", "created_at"), "id", name="pack_by_last_reading"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_stored(self) -> bool:
        """Whether both copies were read back and matched."""
        return self.replicated_at is not None

    @property
    def last_verified_at(self) -> datetime | None:
        """When both copies were last read and matched; None before there are two."""
        return self.verified_at or self.replicated_at


class Where(models.TextChoices):
    """Where something is wrong."""

    PRIMARY = "primary", _("primary")
    REPLICA = "replica", _("replica")
    RECORD = "record", _("database")


class Damage(models.TextChoices):
    """What is wrong. A copy that is longer than it should be has other bytes."""

    MISSING = "missing", _("missing")
    TRUNCATED = "truncated", _("shorter than it was")
    UNREADABLE = "unreadable", _("cannot be read")
    OTHER_BYTES = "other_bytes", _("other bytes")
    RECORD_ALTERED = "record_altered", _("altered in the database; both copies agree with their manifest")


class Obstacle(models.TextChoices):
    """Why a copy was not repaired."""

    BOTH_DAMAGED = "both_damaged", _("the other copy is damaged too")
    ONE_COPY = "one_copy", _("there is no second copy yet")
    NOT_WRITTEN = "not_written", _("the copy could not be written, or reads differently again")
    RECORD = "record", _("the bytes are not in doubt; the database is for staff to set right")


class Resolution(models.TextChoices):
    """How a finding ended."""

    REPAIRED = "repaired", _("repaired from the other copy")
    FOUND_GOOD = "found_good", _("found good again")
    CHANGED = "changed", _("found otherwise, see the later finding")
    DELETED = "deleted", _("the pack was deleted")


class Finding(TenantModel):
    """A copy, or the record, of a pack was found not to be what was stored. Open until `resolved_at`.

    What was found never changes. While `obstacle` is empty an open finding waits for its repair.
    """

    pack = models.ForeignKey(
        Pack, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="findings"
    )
    pack_name = models.CharField(_("name of the pack"), max_length=200)
    place = models.CharField(_("place"), max_length=10, choices=Where)
    damage = models.CharField(_("found"), max_length=20, choices=Damage)
    found_at = models.DateTimeField(_("found at"))
    read_sha256 = models.BinaryField(_("SHA-256 as read"), max_length=32, null=True)
    read_bytes = models.BigIntegerField(_("size as read"), null=True)
    agrees_with_manifest = models.BooleanField(
        _("agrees with its own manifest"), null=True, help_text=_("asked where the other copy cannot tell")
    )
    obstacle = models.CharField(_("not repaired because"), max_length=20, choices=Obstacle, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    resolution = models.CharField(_("how"), max_length=20, choices=Resolution, blank=True)
    kept_as = models.CharField(
        _("damaged bytes"), max_length=220, blank=True, help_text=_("under this name in the same place")
    )

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "pack", "place", "damage"],
                condition=models.Q(resolved_at=None),
                name="finding_told_once",
            ),
        ]
        indexes = [
            models.Index(fields=["facility", "pack"], name="finding_by_pack"),
            models.Index(fields=["pack"], condition=models.Q(resolved_at=None), name="finding_open"),
        ]

    def __str__(self) -> str:
        return self.pack_name
