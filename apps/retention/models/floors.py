"""What is known of a study's storage period: its floors, and the facts and decisions that they come from."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Patient, Study
from apps.core.periods import period_in_words
from apps.facilities.models import DeviceToken, TenantModel
from apps.retention.models.rules import CODE


class CareEventKind(models.TextChoices):
    """What a facility reports of a patient's care."""

    LAST_VISIT = "last_visit", _("Last visit")
    LAST_RECORD_CHANGE = "last_record_change", _("Last change of the record")
    CARE_COMPLETED = "care_completed", _("Care completed")
    DISCHARGE = "discharge", _("Discharge")
    TREATMENT_START = "treatment_start", _("Beginning of treatment")
    TREATMENT_END = "treatment_end", _("End of treatment")
    DIAGNOSIS = "diagnosis", _("Diagnosis")
    EMPLOYMENT_END = "employment_end", _("End of employment")
    EXPOSURE_WORK_END = "exposure_work_end", _("End of work with exposure")
    DEATH = "death", _("Death")


class CareEvent(TenantModel):
    """A fact of a patient's care, by the facility's word. Append-only: a later word adds to what was said."""

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="care_events"
    )
    kind = models.CharField(_("event"), max_length=CODE, choices=CareEventKind)
    happened_on = models.DateField(_("date"))
    reported_at = models.DateTimeField(_("reported"))
    reported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    device_token = models.ForeignKey(
        DeviceToken, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("care event")
        verbose_name_plural = _("care events")
        constraints = [
            models.UniqueConstraint(fields=["facility", "patient", "kind", "happened_on"], name="care_event_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.patient_id}"


class Retention(TenantModel):
    """A study's floors. `certain_until` is the latest known; it never moves back but by a correction of two people.

    `missing` names what has not been told: then `kept_until` is NULL, which never expires. `computed_until` is what the
    rules give now, where that is earlier.
    """

    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="retentions"
    )
    certain_until = models.DateField(_("kept at least until"), null=True)
    computed_until = models.DateField(_("by the rules as of now"), null=True)
    missing = ArrayField(models.CharField(max_length=CODE), default=list, verbose_name=_("missing"))
    floors = models.JSONField(_("floors"), default=list)
    assessed_at = models.DateTimeField(_("assessed"))
    kept_until = models.GeneratedField(
        expression=models.Case(models.When(missing=[], then="certain_until"), default=None),
        output_field=models.DateField(null=True),
        db_persist=True,
        verbose_name=_("kept until"),
    )

    class Meta:
        verbose_name = _("storage period")
        verbose_name_plural = _("storage periods")
        constraints = [models.UniqueConstraint(fields=["facility", "study"], name="retention_of_study")]
        indexes = [
            models.Index(fields=["kept_until", "id"], name="retention_by_end"),
            models.Index(fields=["facility", "kept_until"], name="retention_of_facility_by_end"),
            models.Index(fields=["facility", "id"], condition=~models.Q(missing=[]), name="retention_unknown"),
        ]

    def __str__(self) -> str:
        return f"#{self.study_id}"


class Unassessed(TenantModel):
    """A study whose floors are to be computed (again): the queue of assessing.py.

    The database puts a study here whenever what its floors depend on is written, by whichever way (0005_queue).
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")

    class Meta:
        verbose_name = _("study to be assessed")
        verbose_name_plural = _("studies to be assessed")
        constraints = [models.UniqueConstraint(fields=["facility", "study"], name="unassessed_once")]

    def __str__(self) -> str:
        return f"#{self.study_id}"


class Extension(TenantModel):
    """The facility keeps a study longer than it must. Append-only."""

    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="extensions"
    )
    period = models.CharField(_("period"), max_length=CODE, help_text=_("ISO 8601, or forever"))
    until = models.DateField(_("until"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    extended_at = models.DateTimeField(_("extended"))
    extended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("extension")
        verbose_name_plural = _("extensions")
        indexes = [
            models.Index(fields=["facility", "study"], name="extension_of_study"),
            models.Index(fields=["facility", "extended_at"], name="extension_by_time"),
        ]

    def __str__(self) -> str:
        return f"{period_in_words(self.period)} #{self.study_id}"


class Correction(TenantModel):
    """A storage period that was too long, because of a wrong input: shortened by two staff members, with a reason."""

    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="corrections"
    )
    until = models.DateField(_("keep until"))
    reason = models.TextField(_("reason"), max_length=500)
    proposed_at = models.DateTimeField(_("proposed"))
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(_("decided"), null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    is_approved = models.BooleanField(_("approved"), default=False)

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(decided_by=None) | ~models.Q(decided_by=models.F("proposed_by")),
                name="correction_by_two_people",
            ),
            models.UniqueConstraint(
                fields=["facility", "study"], condition=models.Q(decided_at=None), name="one_open_correction"
            ),
        ]
        indexes = [models.Index(fields=["facility", "study"], name="correction_of_study")]

    def __str__(self) -> str:
        return f"#{self.study_id}"
