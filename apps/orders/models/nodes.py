"""Nodes that orders are sent to, the deliveries there, and what the nodes said of each image."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import UID_LENGTH
from apps.facilities.models import TenantModel
from apps.orders.models.orders import Order


class Via(models.TextChoices):
    """How a node takes images."""

    DICOM = "dicom", _("DICOM (C-STORE)")
    WEB = "web", _("DICOMweb (STOW-RS)")


class Node(TenantModel):
    """Where a facility's images may be sent: its own DICOM node or DICOMweb server, or another facility's."""

    name = models.CharField(_("name"), max_length=100)
    via = models.CharField(_("takes images by"), max_length=5, choices=Via, default=Via.DICOM)
    ae_title = models.CharField(_("AE title"), max_length=16, blank=True)
    address = models.CharField(_("address"), max_length=253, blank=True, help_text=_("host name or IP address"))
    dicom_port = models.PositiveIntegerField(_("DICOM port"), null=True, blank=True)
    is_tls = models.BooleanField(_("TLS"), default=False, help_text=_("of DICOM: both sides show certificates"))
    url = models.URLField(_("DICOMweb address"), max_length=500, blank=True)
    sealed_authorization = models.BinaryField(max_length=8192, null=True, editable=False)
    is_enabled = models.BooleanField(_("enabled"), default=True, help_text=_("offered when something is ordered"))

    class Meta:
        verbose_name = _("receiving node")
        verbose_name_plural = _("receiving nodes")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="node_of_facility"),
            models.UniqueConstraint(fields=["facility", "name"], name="node_by_name"),
            models.CheckConstraint(
                condition=Q(via="web", url__gt="", ae_title="", address="", dicom_port=None, is_tls=False)
                | Q(via="dicom", url="", ae_title__gt="", address__gt="", dicom_port__range=(1, 65535)),
                name="node_has_its_address",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def destination(self) -> str:
        """Where that is, for people."""
        return self.url or f"{self.ae_title} ({self.address}:{self.dicom_port})"


class Delivery(TenantModel):
    """That a production goes to a node. A worker sends what the node has not taken yet; `next_at`: when it is due.

    Whoever takes it has it until `next_at`, which moves on while they send.
    """

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="deliveries"
    )
    number = models.PositiveSmallIntegerField(_("production"))
    node = models.ForeignKey(
        Node, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="deliveries",
        verbose_name=_("node"),
    )  # fmt: skip
    wanted_at = models.DateTimeField(_("wanted since"))
    begun_at = models.DateTimeField(_("last begun"), null=True)
    next_at = models.DateTimeField(_("due"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts in vain"), default=0)
    ended_at = models.DateTimeField(_("delivered"), null=True)
    problem = models.CharField(_("problem"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="delivery_of_facility"),
            models.UniqueConstraint(fields=["facility", "order", "number"], name="delivery_of_production"),
        ]
        indexes = [models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="delivery_due")]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.number}"


class Answer(TenantModel):
    """What a node said last about an image: a DICOM status (PS3.7, annex C), NULL where there was none."""

    delivery = models.ForeignKey(
        Delivery, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="answers"
    )
    sop_instance_uid = models.CharField(_("SOP Instance UID"), max_length=UID_LENGTH)
    status = models.PositiveIntegerField(_("status"), null=True)
    is_taken = models.BooleanField(_("taken"))
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("answer of a node")
        verbose_name_plural = _("answers of nodes")
        constraints = [
            models.UniqueConstraint(fields=["facility", "delivery", "sop_instance_uid"], name="answer_about_image")
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
