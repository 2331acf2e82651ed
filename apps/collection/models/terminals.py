"""Terminals at the facilities, the collectors that visit them, and how each becomes known to the center."""

from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core.shown import day
from apps.facilities.models import DeviceToken, TenantModel


class Mark(models.TextChoices):
    """By what a terminal tells the image sets that are to be stored from those that stay (MISSION, row 2)."""

    ALL = "all", _("Everything is stored")
    TAG = "tag", _("A DICOM element")
    SIDECAR = "sidecar", _("A file beside the image")
    PREFIX = "prefix", _("The first letter of the image number")


class Unmarked(models.TextChoices):
    """What happens to an image set whose mark says nothing."""

    STORE = "store", _("Store it")
    KEEP = "keep", _("Leave it at the facility")


class Enrollable(models.Model):
    """What becomes known by a code that is used once; only the code's SHA-256 is kept."""

    code_sha256 = models.BinaryField(max_length=32, null=True, editable=False)
    code_expires_at = models.DateTimeField(_("code expires"), null=True, editable=False)
    jwk = models.JSONField(_("public key"), null=True, editable=False, help_text=_("JWK, RFC 8037"))
    enrolled_at = models.DateTimeField(_("enrolled"), null=True, editable=False)

    class Meta:
        abstract = True


class Terminal(TenantModel, Enrollable):
    """The storage terminal at a facility, or its DICOM node."""

    uid = models.UUIDField(_("identifier"), default=uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)
    device_token = models.ForeignKey(
        DeviceToken, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, editable=False,
        related_name="+", verbose_name=_("device token"),
    )  # fmt: skip
    last_seen_at = models.DateTimeField(_("last seen"), null=True, editable=False)

    mark = models.CharField(_("what is stored is told by"), max_length=10, choices=Mark, default=Mark.ALL)
    mark_tag = models.CharField(_("element"), max_length=64, blank=True, help_text=_("keyword or gggg,eeee"))
    mark_value = models.CharField(_("its value"), max_length=64, blank=True)
    store_prefixes = ArrayField(models.CharField(max_length=8), verbose_name=_("letters to store"), default=list,
                                blank=True)  # fmt: skip
    keep_prefixes = ArrayField(models.CharField(max_length=8), verbose_name=_("letters to leave"), default=list,
                               blank=True)  # fmt: skip
    unmarked = models.CharField(_("without a mark"), max_length=10, choices=Unmarked, default=Unmarked.STORE)

    visit_every_days = models.PositiveSmallIntegerField(_("days between visits"), null=True, blank=True)
    push_every_hours = models.PositiveSmallIntegerField(_("hours between transfers"), null=True, blank=True)
    agreed_instances = models.PositiveIntegerField(_("images agreed for a collection"), null=True, blank=True)
    agreed_bytes = models.BigIntegerField(_("bytes agreed for a collection"), null=True, blank=True)
    threshold_percent = models.PositiveSmallIntegerField(
        _("collect when less than this is free (%)"), default=15,
        validators=[MinValueValidator(0), MaxValueValidator(90)],
    )  # fmt: skip

    ae_title = models.CharField(_("AE title"), max_length=16, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    dicom_port = models.PositiveIntegerField(_("DICOM port"), null=True, blank=True)
    certificate_sha256 = models.BinaryField(_("SHA-256 of its TLS certificate"), max_length=32, null=True, blank=True)

    class Meta:
        verbose_name = _("terminal")
        verbose_name_plural = _("terminals")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="terminal_of_facility"),
            models.UniqueConstraint(fields=["facility", "uid"], name="terminal_uid_of_facility"),
            # Known across facilities to the center alone, which registers both: one caller is one terminal.
            models.UniqueConstraint(
                fields=["ae_title", "address"],
                condition=~Q(ae_title="") & Q(retired_at=None),
                name="terminal_by_ae_and_address",
            ),
            models.UniqueConstraint(
                fields=["certificate_sha256"], condition=Q(retired_at=None), name="terminal_by_certificate"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Capacity(TenantModel):
    """How full a terminal was. Times are told by the terminal's clock and by ours. Append-only."""

    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="capacities"
    )
    measured_at = models.DateTimeField(_("measured"), help_text=_("by the terminal's clock"))
    reported_at = models.DateTimeField(_("reported"))
    used_bytes = models.BigIntegerField(_("used"))
    total_bytes = models.BigIntegerField(_("in all"))
    waiting_sets = models.PositiveIntegerField(_("image sets waiting"), default=0)
    waiting_bytes = models.BigIntegerField(_("waiting"), default=0)
    unmarked_sets = models.PositiveIntegerField(_("image sets without a mark"), default=0)

    class Meta:
        verbose_name = _("capacity")
        verbose_name_plural = _("capacities")
        constraints = [
            models.CheckConstraint(
                condition=Q(used_bytes__gte=0, total_bytes__gt=0, used_bytes__lte=F("total_bytes")),
                name="capacity_is_possible",
            )
        ]
        indexes = [models.Index(fields=["facility", "terminal", "-reported_at"], name="capacity_by_time")]

    def __str__(self) -> str:
        return f"{100 * self.used_bytes // self.total_bytes} %"


class Collector(Enrollable):
    """An operator's portable storage system. It serves many facilities, with a token for each."""

    uid = models.UUIDField(_("identifier"), default=uuid4, editable=False, unique=True)
    name = models.CharField(_("name"), max_length=100, unique=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    class Meta:
        verbose_name = _("collector")
        verbose_name_plural = _("collectors")

    def __str__(self) -> str:
        return self.name


class CollectorFacility(TenantModel):
    """That a collector serves a facility; with its token there, once it is enrolled."""

    collector = models.ForeignKey(Collector, on_delete=models.PROTECT, related_name="services")
    device_token = models.ForeignKey(
        DeviceToken, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, editable=False,
        related_name="+", verbose_name=_("device token"),
    )  # fmt: skip

    class Meta:
        verbose_name = _("facility served")
        verbose_name_plural = _("facilities served")
        constraints = [models.UniqueConstraint(fields=["facility", "collector"], name="collector_serves_once")]

    def __str__(self) -> str:
        return f"{self.collector} {self.facility}"


class Reason(models.TextChoices):
    """Why a facility asks for a collection."""

    IMPORTANT = "important", _("Something important")
    CLOSURE = "closure", _("A long closure")
    REPLACEMENT = "replacement", _("The terminal is replaced")
    DISK = "disk", _("The disk fills up")


class CollectionRequest(TenantModel):
    """A facility's wish for a collection, or the center's because the terminal fills up."""

    uid = models.UUIDField(_("identifier"), default=uuid4, editable=False)
    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="requests"
    )
    reason = models.CharField(_("reason"), max_length=12, choices=Reason)
    note = models.CharField(_("note"), max_length=500, blank=True)
    requested_at = models.DateTimeField(_("requested"))
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered"), null=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True)

    class Meta:
        verbose_name = _("collection request")
        verbose_name_plural = _("collection requests")
        constraints = [models.UniqueConstraint(fields=["facility", "uid"], name="request_uid_of_facility")]
        indexes = [
            models.Index(
                fields=["facility", "terminal"],
                condition=Q(answered_at=None, withdrawn_at=None),
                name="request_still_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} {day(self.requested_at)}"
