"""Series and instances, and where their bytes are (PS3.3, A.1.2)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.catalog.models.studies import Study
from apps.catalog.models.widths import NAME, SHORT, TEXT, UID_LENGTH
from apps.facilities.models import TenantModel
from apps.vault.models import Pack


class Series(TenantModel):
    """A series of a study."""

    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="series"
    )
    series_instance_uid = models.CharField(_("Series Instance UID"), max_length=UID_LENGTH)
    modality = models.CharField(_("modality"), max_length=SHORT, blank=True)
    series_number = models.BigIntegerField(_("series number"), null=True)
    series_description = models.CharField(_("description"), max_length=TEXT, blank=True)
    series_date = models.DateField(_("series date"), null=True)
    body_part_examined = models.CharField(_("body part"), max_length=TEXT, blank=True)
    laterality = models.CharField(_("laterality"), max_length=SHORT, blank=True)
    protocol_name = models.CharField(_("protocol"), max_length=TEXT, blank=True)
    manufacturer = models.CharField(_("manufacturer"), max_length=TEXT, blank=True)
    manufacturer_model_name = models.CharField(_("model"), max_length=TEXT, blank=True)
    station_name = models.CharField(_("station"), max_length=TEXT, blank=True)
    performing_physician_name = models.CharField(_("performing physician"), max_length=NAME, blank=True)
    operators_name = models.CharField(_("operator"), max_length=NAME, blank=True)
    instance_count = models.PositiveIntegerField(_("instances"), default=0)

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="series_of_facility"),
            models.UniqueConstraint(fields=["facility", "study", "series_instance_uid"], name="series_uid_of_study"),
        ]
        indexes = [
            models.Index(fields=["facility", "series_instance_uid"], name="series_by_uid"),
            models.Index(fields=["facility", "modality", "study"], name="series_by_modality"),
        ]

    def __str__(self) -> str:
        return self.series_instance_uid


class Instance(TenantModel):
    """One SOP instance, and where its bytes are: `length_bytes` from `pack_offset` of a pack."""

    series = models.ForeignKey(
        Series, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="instances"
    )
    pack = models.ForeignKey(
        Pack, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="instances"
    )
    pack_offset = models.BigIntegerField(_("offset in the pack"))
    length_bytes = models.BigIntegerField(_("length"))
    sha256 = models.BinaryField(_("SHA-256"), max_length=32)
    sop_instance_uid = models.CharField(_("SOP Instance UID"), max_length=UID_LENGTH)
    sop_class_uid = models.CharField(_("SOP class"), max_length=UID_LENGTH)
    transfer_syntax_uid = models.CharField(_("transfer syntax"), max_length=UID_LENGTH)
    instance_number = models.BigIntegerField(_("instance number"), null=True)
    content_date = models.DateField(_("content date"), null=True)
    acquisition_date = models.DateField(_("acquisition date"), null=True)
    image_type = ArrayField(models.CharField(max_length=TEXT), default=list)
    rows = models.PositiveIntegerField(_("rows"), null=True)
    columns = models.PositiveIntegerField(_("columns"), null=True)
    number_of_frames = models.PositiveIntegerField(_("frames"), null=True)
    bits_allocated = models.PositiveIntegerField(null=True)
    photometric_interpretation = models.CharField(max_length=TEXT, blank=True)
    has_pixel_data = models.BooleanField(default=False)
    document_title = models.CharField(_("document title"), max_length=TEXT, blank=True)
    warnings = ArrayField(models.CharField(max_length=TEXT), default=list, verbose_name=_("warnings"))

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="instance_of_facility"),
            models.UniqueConstraint(fields=["facility", "sop_instance_uid"], name="sop_instance_uid_of_facility"),
        ]
        indexes = [
            models.Index(fields=["facility", "series", "instance_number"], name="instance_by_series"),
            models.Index(fields=["facility", "pack"], name="instance_by_pack"),
            models.Index(fields=["facility", "instance_number", "series"], name="instance_by_number"),
        ]

    def __str__(self) -> str:
        return self.sop_instance_uid
