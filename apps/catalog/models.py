"""The catalog: patients, studies, series, instances, and files in conflict with them (PS3.3, A.1.2)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _

from apps.catalog.naming import names_for_people
from apps.facilities.models import TenantModel
from apps.vault.models import Pack

UID_LENGTH = 64
TEXT = 256
NAME = 3 * TEXT + 2  # a PN value with its three component groups
SHORT = 16
# Identifiers compare byte by byte: what has a prefix is then a range, which an index finds under row-level security.
BYTEWISE = "C"
PART = 32
# TruncDate would take the zone that is current when a migration is made.
UTC_DATE = "(%(expressions)s AT TIME ZONE 'UTC')::date"


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


class SavedSearch(TenantModel):
    """A person's search for studies, under a name. Criteria may name patients: they stay here."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    criteria = models.JSONField(_("criteria"), default=dict)
    saved_at = models.DateTimeField(_("saved"))

    class Meta:
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        constraints = [models.UniqueConstraint(fields=["facility", "user", "name"], name="saved_search_by_name")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class ConflictKind(models.TextChoices):
    """Why a file could not simply join the catalog."""

    OTHER_BYTES = "other_bytes", _("Same SOP Instance UID, other bytes")
    OTHER_STUDY = "other_study", _("Same SOP Instance UID in another study")
    OTHER_PATIENT = "other_patient", _("Same Study Instance UID, another patient")
    UNREADABLE = "unreadable", _("Cannot be read; filed by hand")


class ConflictDecision(models.TextChoices):
    """What staff hold to be so of two files in conflict; it changes neither of them."""

    STORED = "stored", _("The stored file counts")
    OTHER = "other", _("The other file counts: the facility is to send it under a UID of its own")
    BOTH = "both", _("Both count, for different things")
    SAME = "same", _("Both show the same; only what accompanies it differs")


class Conflict(TenantModel):
    """A file that contradicts what is stored. Both are kept; staff decide; nothing is overwritten.

    One that cannot be read and was filed by hand contradicts nothing: it is kept beside the images of its study.
    """

    kind = models.CharField(_("kind"), max_length=SHORT, choices=ConflictKind)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, db_constraint=False, related_name="conflicts")
    sop_instance_uid = models.CharField(_("SOP Instance UID"), max_length=UID_LENGTH)
    pack = models.ForeignKey(
        Pack, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="conflicts"
    )
    pack_offset = models.BigIntegerField(_("offset in the pack"))
    length_bytes = models.BigIntegerField(_("length"))
    sha256 = models.BinaryField(_("SHA-256"), max_length=32)
    raised_at = models.DateTimeField(_("raised"))
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    decision = models.CharField(_("decision"), max_length=8, choices=ConflictDecision, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("resolved by")
    )

    class Meta:
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="conflict_of_facility"),
            models.UniqueConstraint(fields=["facility", "sop_instance_uid", "sha256"], name="conflict_raised_once"),
        ]
        indexes = [models.Index(fields=["id"], condition=models.Q(resolved_at=None), name="conflict_open")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.sop_instance_uid}"


class HoldKind(models.TextChoices):
    """Whose reason it is not to delete."""

    LEGAL = "legal", _("Legal")
    CLINICAL = "clinical", _("Clinical")
    FACILITY = "facility", _("The facility's own")
    ORDER = "order", _("Open order")


class Hold(TenantModel):
    """A reason not to delete a study, without a date. A legal one is released by another person than asked for it."""

    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="holds"
    )
    kind = models.CharField(_("kind"), max_length=SHORT, choices=HoldKind)
    reason = models.CharField(_("reason"), max_length=300)
    authority = models.CharField(_("authority"), max_length=200, blank=True)
    placed_at = models.DateTimeField(_("placed"))
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    release_asked_at = models.DateTimeField(_("release asked for"), null=True)
    release_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    released_at = models.DateTimeField(_("released"), null=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="hold_of_facility"),
            models.CheckConstraint(
                condition=models.Q(released_at=None)
                | ~models.Q(kind=HoldKind.LEGAL)
                | (models.Q(release_asked_by__isnull=False) & ~models.Q(released_by=models.F("release_asked_by"))),
                name="legal_hold_released_by_two",
            ),
        ]
        indexes = [
            models.Index(fields=["facility", "study"], name="hold_of_study"),
            models.Index(
                fields=["id"],
                condition=models.Q(released_at=None, release_asked_at__isnull=False),
                name="hold_to_be_released",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.study_id}"


class AccessPurpose(models.TextChoices):
    """Why staff look at images."""

    CONFLICT = "conflict", _("To decide a conflict")
    OUTPUT = "output", _("To check an output")
    FACILITY = "facility", _("The facility asked for help")
    DAMAGE = "damage", _("To judge damage, or an image that is not shown")
    AUTHORITY = "authority", _("By order of an authority")


class ImageAccess(TenantModel):
    """That one person of the center's staff may look at the images of a study until `ends_at`. The facility reads it.

    By UID: it stays on record when the study is gone. Append-only.
    """

    study_instance_uid = models.CharField(_("Study Instance UID"), max_length=UID_LENGTH)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("person")
    )
    purpose = models.CharField(_("purpose"), max_length=12, choices=AccessPurpose)
    reason = models.CharField(_("reason"), max_length=300)
    opened_at = models.DateTimeField(_("opened"))
    ends_at = models.DateTimeField(_("ends"))

    class Meta:
        verbose_name = _("access to images")
        verbose_name_plural = _("accesses to images")
        constraints = [models.UniqueConstraint(fields=["facility", "id"], name="image_access_of_facility")]
        indexes = [
            models.Index(fields=["facility", "study_instance_uid", "person", "-ends_at"], name="image_access_of_study")
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.opened_at:%Y-%m-%d %H:%M}"


class ChangeKind(models.TextChoices):
    """What became of a study."""

    STORED = "stored", _("Stored")
    IMAGES_ADDED = "images_added", _("Images added")
    PERIOD = "period_changed", _("Kept until another day")
    HELD = "held", _("Held")
    RELEASED = "released", _("Released")
    CONFLICT = "conflict", _("A conflict was raised or decided")
    DELETED = "deleted", _("Deleted")


class StudyChange(TenantModel):
    """A change of the catalog, which the database itself notes, whoever makes it (0015_feed). By UID: it outlives the
    study. `number` is null until the first reader comes after its commit (changes.py); nothing else ever changes.
    """

    study_instance_uid = models.CharField(_("Study Instance UID"), max_length=UID_LENGTH)
    kind = models.CharField(_("kind"), max_length=SHORT, choices=ChangeKind)
    at = models.DateTimeField(_("time"), db_default=Now())
    number = models.BigIntegerField(_("number"), null=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        constraints = [models.UniqueConstraint(fields=["facility", "number"], name="change_by_number")]
        indexes = [
            models.Index(fields=["facility", "id"], condition=models.Q(number=None), name="change_without_number")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.study_instance_uid}"
