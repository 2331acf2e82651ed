"""What senders announce, how sealed collections arrive, and the receipts that are given."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import TEXT
from apps.collection.models.collections import Collection
from apps.collection.models.terminals import Terminal
from apps.core.shown import moment
from apps.facilities.models import DeviceToken, TenantModel


class Upload(TenantModel):
    """A sealed collection on its way in (tus 1.0.0). Its bytes lie in a file; how many, the file's length tells.

    Complete, it waits to be opened by a worker; opened or refused, its file is gone. `attempts`: begun so often without
    an end; after too many it is stopped until staff have it opened again.
    """

    uid = models.UUIDField(_("identifier"), default=uuid4, editable=False)
    collection_uid = models.UUIDField(_("collection"))
    sealed_sha256 = models.BinaryField(_("SHA-256, sealed"), max_length=32)
    length_bytes = models.BigIntegerField(_("length"))
    device_token = models.ForeignKey(
        DeviceToken, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("device token"),
    )  # fmt: skip
    source_address = models.GenericIPAddressField(_("source address"), null=True)
    created_at = models.DateTimeField(_("begun"))
    expires_at = models.DateTimeField(_("expires"))
    completed_at = models.DateTimeField(_("complete"), null=True)
    opened_at = models.DateTimeField(_("opened"), null=True)
    refused_at = models.DateTimeField(_("refused"), null=True)
    attempts = models.PositiveSmallIntegerField(_("begun in vain"), default=0, db_default=0)
    stopped_at = models.DateTimeField(_("stopped"), null=True)
    reason = models.CharField(_("reason"), max_length=TEXT, blank=True)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="upload_of_facility"),
            models.UniqueConstraint(fields=["facility", "uid"], name="upload_uid_of_facility"),
            models.UniqueConstraint(
                fields=["facility", "collection_uid"], condition=Q(refused_at=None), name="upload_of_collection"
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(completed_at__isnull=False, opened_at=None, refused_at=None),
                name="upload_to_open",
            )
        ]

    def __str__(self) -> str:
        return str(self.uid)


class Left(models.TextChoices):
    """Why a sender left an image set where it was."""

    NOT_MARKED = "not_marked", _("Not marked for storage")
    OVER_AMOUNT = "over_amount", _("Beyond the agreed amount")
    UNREADABLE = "unreadable", _("Could not be read")
    CHANGED = "changed", _("Changed while it was read")


class AnnouncedFile(TenantModel):
    """A file of the sender's manifest: brought, or left with a reason. Append-only.

    Its digest and length decide whether it has come; that a file parses proves nothing.
    """

    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="announced_files"
    )
    source_name = models.CharField(_("name at the sender"), max_length=400)
    sha256 = models.BinaryField(_("SHA-256"), max_length=32, null=True)
    length_bytes = models.BigIntegerField(_("length"))
    left_because = models.CharField(_("left because"), max_length=12, choices=Left, blank=True)

    class Meta:
        verbose_name = _("announced file")
        verbose_name_plural = _("announced files")
        indexes = [
            models.Index(fields=["facility", "collection", "left_because"], name="announced_of_collection"),
            models.Index(fields=["facility", "sha256"], name="announced_by_digest"),
        ]

    def __str__(self) -> str:
        return self.source_name


class ReceiptKind(models.TextChoices):
    """The two completion signals (MISSION, row 8)."""

    RECEIVED = "received", _("Received")
    STORED = "stored", _("Stored and verified")


class Receipt(TenantModel):
    """A signed completion signal (apps/collection/receipts.py). Append-only."""

    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="receipts"
    )
    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="receipts"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=ReceiptKind)
    issued_at = models.DateTimeField(_("issued"))
    jws = models.TextField(_("JWS"))

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="receipt_of_facility"),
            models.UniqueConstraint(fields=["facility", "collection", "kind"], name="one_receipt_of_a_kind"),
        ]
        indexes = [models.Index(fields=["facility", "terminal", "id"], name="receipt_of_terminal")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.collection}"


class ReceiptMail(TenantModel):
    """That a receipt was mailed. Append-only."""

    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, db_constraint=False, related_name="mail")
    sent_to = models.EmailField(_("sent to"))
    sent_at = models.DateTimeField(_("sent"))

    class Meta:
        verbose_name = _("mailed receipt")
        verbose_name_plural = _("mailed receipts")

    def __str__(self) -> str:
        return moment(self.sent_at)
