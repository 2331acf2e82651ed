"""Patients, and where a search begins to read their names (PS3.3, A.1.2)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.catalog.models.widths import BYTEWISE, PART, SHORT, TEXT
from apps.catalog.naming import names_for_people
from apps.facilities.models import TenantModel


class Patient(TenantModel):
    """A patient of one facility; PatientID is unique only within it and its issuer."""

    patient_id = models.CharField(_("patient ID"), max_length=TEXT, blank=True, db_collation=BYTEWISE)
    issuer_of_patient_id = models.CharField(_("issuer of patient ID"), max_length=TEXT, blank=True)
    name_alphabetic = models.CharField(_("name"), max_length=TEXT, blank=True)
    name_ideographic = models.CharField(_("ideographic name"), max_length=TEXT, blank=True)
    name_phonetic = models.CharField(_("phonetic name"), max_length=TEXT, blank=True)
    folded_name = models.TextField(default="", editable=False)  # as catalog.names folds it, to be searched
    birth_date = models.DateField(_("birth date"), null=True)
    sex = models.CharField(_("sex"), max_length=SHORT, blank=True)
    other_patient_ids = ArrayField(models.CharField(max_length=TEXT), default=list)
    created_at = models.DateTimeField(_("first received"))

    class Meta:
        verbose_name = _("patient")
        verbose_name_plural = _("patients")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="patient_of_facility"),
            # Without a PatientID only the name and the birth date tell two patients apart.
            models.UniqueConstraint(
                fields=["facility", "patient_id", "issuer_of_patient_id"],
                condition=~models.Q(patient_id=""),
                name="patient_id_of_facility",
            ),
        ]
        indexes = [
            models.Index(fields=["facility", "patient_id"], name="patient_by_patient_id"),
            models.Index(fields=["facility", "birth_date"], name="patient_by_birth_date"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def display_name(self) -> str:
        """The name for people, in the script of whoever reads it where it is known in that."""
        return names_for_people(self.name_alphabetic, self.name_ideographic, self.name_phonetic)[0]

    @property
    def local_name(self) -> str:
        """What stands beside it: the name in another script, or its sound; '' where there is none."""
        return names_for_people(self.name_alphabetic, self.name_ideographic, self.name_phonetic)[1]


class NamePart(TenantModel):
    """Where a search may begin to read a patient's folded name (catalog.names.name_parts): an index of names."""

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="name_parts"
    )
    part = models.CharField(max_length=PART, db_collation=BYTEWISE)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "part", "patient"], name="name_part_of_patient"),
        ]
        indexes = [models.Index(fields=["facility", "patient"], name="name_parts_by_patient")]

    def __str__(self) -> str:
        return f"#{self.pk}"
