"""Studies: what is retained and deleted as one (PS3.3, A.1.2)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from apps.catalog.models.patients import Patient
from apps.catalog.models.widths import BYTEWISE, NAME, SHORT, TEXT, UID_LENGTH
from apps.facilities.models import TenantModel

# TruncDate would take the zone that is current when a migration is made.
UTC_DATE = "(%(expressions)s AT TIME ZONE 'UTC')::date"


class Purpose(models.TextChoices):
    """What a study was made for, as far as its storage period depends on it."""

    SCREENING = "screening", _("Screening")
    OCCUPATIONAL = "occupational", _("Occupational health")
    ONCOLOGY = "oncology", _("Oncology")
    TRIAL = "trial", _("Clinical trial")
    INPATIENT = "inpatient", _("Inpatient")
    OUTPATIENT = "outpatient", _("Outpatient")


class Study(TenantModel):
    """A study: what is retained and deleted as one."""

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="studies"
    )
    study_instance_uid = models.CharField(_("Study Instance UID"), max_length=UID_LENGTH)
    study_date = models.DateField(_("study date"), null=True)
    study_time = models.TimeField(_("study time"), null=True)
    accession_number = models.CharField(_("accession number"), max_length=TEXT, blank=True, db_collation=BYTEWISE)
    study_id = models.CharField(_("study ID"), max_length=TEXT, blank=True)
    study_description = models.CharField(_("description"), max_length=TEXT, blank=True)
    referring_physician_name = models.CharField(_("referring physician"), max_length=NAME, blank=True)
    institution_name = models.CharField(_("institution"), max_length=TEXT, blank=True)
    modalities_in_study = ArrayField(models.CharField(max_length=SHORT), default=list, verbose_name=_("modalities"))
    body_parts = ArrayField(models.CharField(max_length=TEXT), default=list, verbose_name=_("body parts"))
    series_count = models.PositiveIntegerField(_("series"), default=0)
    instance_count = models.PositiveIntegerField(_("instances"), default=0)
    size_bytes = models.BigIntegerField(_("size"), default=0)
    created_at = models.DateTimeField(_("first received"))
    updated_at = models.DateTimeField(_("last received"))
    purposes = ArrayField(models.CharField(max_length=SHORT), default=list, blank=True, verbose_name=_("purposes"))
    recorded_periods = ArrayField(
        models.CharField(max_length=SHORT), default=list, blank=True, verbose_name=_("periods recorded by the facility")
    )
    recorded_until = models.DateField(_("to be kept until, by the facility"), null=True, blank=True)
    sort_date = models.GeneratedField(
        expression=Coalesce("study_date", models.Func("created_at", template=UTC_DATE)),
        output_field=models.DateField(),
        db_persist=True,
    )

    class Meta:
        verbose_name = _("study")
        verbose_name_plural = _("studies")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="study_of_facility"),
            models.UniqueConstraint(fields=["facility", "study_instance_uid"], name="study_uid_of_facility"),
        ]
        indexes = [
            models.Index(fields=["facility", "patient"], name="study_by_patient"),
            models.Index(fields=["facility", "-sort_date", "-id"], name="study_newest_first"),
            models.Index(fields=["facility", "accession_number"], name="study_by_accession_number"),
            models.Index(fields=["facility", "created_at"], name="study_by_reception"),
        ]

    def __str__(self) -> str:
        return self.study_instance_uid
