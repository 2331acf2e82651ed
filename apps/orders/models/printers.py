"""Film printers of the center, and what is printed on them."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.facilities.models import TenantModel
from apps.orders.models.orders import Order, Output
from apps.orders.sheets.format import SIZE_NAMES


class MediumType(models.TextChoices):
    """What a printer prints on: Medium Type (PS3.3 C.13.1)."""

    BLUE_FILM = "BLUE FILM", _("Blue film")
    CLEAR_FILM = "CLEAR FILM", _("Clear film")
    PAPER = "PAPER", _("Paper")
    MAMMO_BLUE_FILM = "MAMMO BLUE FILM", _("Blue film for mammography")
    MAMMO_CLEAR_FILM = "MAMMO CLEAR FILM", _("Clear film for mammography")


class Printer(models.Model):
    """A film printer of the center's. What it last told of itself is kept."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    ae_title = models.CharField(_("AE title"), max_length=16)
    address = models.GenericIPAddressField(_("address"))
    dicom_port = models.PositiveIntegerField(
        _("DICOM port"), default=104, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    is_tls = models.BooleanField(_("TLS"), default=False, help_text=_("both sides show certificates"))
    film_sizes = ArrayField(
        models.CharField(max_length=12, choices=list(SIZE_NAMES.items())), verbose_name=_("film sizes"),
        help_text=_("that are loaded"),
    )  # fmt: skip
    medium_types = ArrayField(models.CharField(max_length=16, choices=MediumType), verbose_name=_("medium types"))
    bits = models.PositiveSmallIntegerField(_("bits of grey levels"), choices=[(8, "8"), (12, "12")], default=12)
    is_colour = models.BooleanField(_("prints colours"), default=False)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    status = models.CharField(_("status"), max_length=16, blank=True, editable=False)
    status_info = models.CharField(_("what it says"), max_length=100, blank=True, editable=False)
    looked_at = models.DateTimeField(_("last asked"), null=True, editable=False)

    class Meta:
        verbose_name = _("printer")
        verbose_name_plural = _("printers")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PrintJob(TenantModel):
    """The sheets of one production on a printer, done or to do; where it stands is told by what has happened.

    `printed`: sheets that came out, all copies of each. `sending`: the one that the printer was told to print, until it
    answered; who dies over it leaves it in doubt. `next_at`: when a worker may take the job; nobody may while it is
    empty, because it is done or because of the problem.
    """

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="print_jobs"
    )
    output = models.ForeignKey(
        Output, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="print_jobs"
    )
    printer = models.ForeignKey(Printer, on_delete=models.PROTECT, related_name="+", verbose_name=_("printer"))
    medium_type = models.CharField(_("medium type"), max_length=16, choices=MediumType)
    requested_at = models.DateTimeField(_("requested"))
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    next_at = models.DateTimeField(_("may be taken"), null=True)
    printed = models.PositiveSmallIntegerField(_("sheets printed"), default=0)
    sending = models.PositiveSmallIntegerField(_("sheet being printed"), null=True)
    printed_at = models.DateTimeField(_("printed"), null=True)
    problem = models.CharField(_("problem"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("print job")
        verbose_name_plural = _("print jobs")
        indexes = [
            models.Index(fields=["facility", "order", "id"], name="print_jobs_of_order"),
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="print_job_to_do"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.pk}"
