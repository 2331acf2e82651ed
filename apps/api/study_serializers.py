"""Studies, their storage periods and copies, as programs get them."""

from typing import Any

from rest_framework import serializers

from apps.api.fields import BoundedListField, HexField, LocalTimeField
from apps.catalog.models import Conflict, ConflictDecision, ConflictKind, Hold, Patient, Series, Study
from apps.collection.models import Collection
from apps.retention.deciding import EXTENSIONS
from apps.retention.models import Extension
from apps.vault.models import Pack


class PatientSerializer(serializers.ModelSerializer[Patient]):
    """Whom a study is of. Name groups are DICOM's (PS3.5, 6.2)."""

    class Meta:
        model = Patient
        fields = (
            "patient_id", "issuer_of_patient_id", "name_alphabetic", "name_ideographic", "name_phonetic", "birth_date",
            "sex",
        )  # fmt: skip


class ListedStudySerializer(serializers.ModelSerializer[Study]):
    """A study in a list."""

    patient = PatientSerializer()
    study_time = LocalTimeField(allow_null=True)

    class Meta:
        model = Study
        fields: tuple[str, ...] = (
            "study_instance_uid", "patient", "study_date", "study_time", "accession_number", "study_id",
            "study_description", "referring_physician_name", "institution_name", "modalities_in_study", "body_parts",
            "series_count", "instance_count", "size_bytes", "created_at", "updated_at",
        )  # fmt: skip


class SeriesSerializer(serializers.ModelSerializer[Series]):
    """A series of it."""

    class Meta:
        model = Series
        fields = (
            "series_instance_uid", "modality", "series_number", "series_description", "body_part_examined",
            "instance_count",
        )  # fmt: skip


class FloorSerializer(serializers.Serializer[Any]):
    """A date before which the study must not be deleted, and the rule that says so; null where it is unknown."""

    until = serializers.DateField(allow_null=True)
    because = serializers.CharField()
    citation = serializers.CharField()
    rule = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField())
    governs = serializers.BooleanField()


class PeriodSerializer(serializers.Serializer[Any]):
    """Until when a study is kept, and why. `kept_until` is null where something is `missing`: unknown never ends."""

    kept_until = serializers.DateField(allow_null=True)
    certain_until = serializers.DateField(allow_null=True)
    missing = serializers.ListField(child=serializers.CharField())
    floors = FloorSerializer(many=True)


class HoldSerializer(serializers.ModelSerializer[Hold]):
    """A reason not to delete a study, without a date."""

    reason = serializers.CharField(max_length=200)

    class Meta:
        model = Hold
        fields = ("id", "kind", "reason", "authority", "placed_at", "release_asked_at")
        read_only_fields = ("kind", "authority", "placed_at", "release_asked_at")


class ExtensionSerializer(serializers.ModelSerializer[Extension]):
    """That the facility keeps a study longer than it must."""

    period = serializers.ChoiceField(choices=EXTENSIONS)
    reason = serializers.CharField(max_length=200)

    class Meta:
        model = Extension
        fields = ("period", "until", "reason", "extended_at")
        read_only_fields = ("until", "extended_at")


class CopySerializer(serializers.ModelSerializer[Pack]):
    """A pack that holds files of the study: when both copies were read and matched, and whether one is damaged now."""

    pack = serializers.CharField(source="name")
    files = serializers.IntegerField(source="file_count")
    stored_at = serializers.DateTimeField(source="created_at")
    in_both_places_since = serializers.DateTimeField(source="replicated_at", allow_null=True)
    last_verified_at = serializers.DateTimeField(allow_null=True)
    is_damaged = serializers.BooleanField()
    sha256 = HexField()

    class Meta:
        model = Pack
        fields = (
            "pack", "size_bytes", "files", "sha256", "stored_at", "in_both_places_since", "last_verified_at",
            "is_damaged",
        )  # fmt: skip


class ConflictSerializer(serializers.ModelSerializer[Conflict]):
    """A file that contradicts what is stored; both are kept. `decision` is what the center's staff hold to be so."""

    kind = serializers.ChoiceField(choices=ConflictKind.choices)
    decision = serializers.ChoiceField(choices=ConflictDecision.choices, allow_blank=True)

    class Meta:
        model = Conflict
        fields: tuple[str, ...] = ("kind", "sop_instance_uid", "raised_at", "resolved_at", "decision")


class ListedConflictSerializer(ConflictSerializer):
    """The same in a list, with its study."""

    study_instance_uid = serializers.CharField(source="study.study_instance_uid")

    class Meta(ConflictSerializer.Meta):
        fields = ("study_instance_uid", *ConflictSerializer.Meta.fields)


class CollectionOfStudySerializer(serializers.ModelSerializer[Collection]):
    """By which collection images of it came."""

    class Meta:
        model = Collection
        fields = ("uid", "method", "state", "received_at", "stored_at")


class StudySerializer(ListedStudySerializer):
    """A study with what is in it, how long it is kept and why, and where it is."""

    series = SeriesSerializer(many=True)
    period = PeriodSerializer(allow_null=True)
    holds = HoldSerializer(many=True)
    extensions = ExtensionSerializer(many=True)
    copies = CopySerializer(many=True)
    conflicts = ConflictSerializer(many=True)
    collections = CollectionOfStudySerializer(many=True)

    class Meta(ListedStudySerializer.Meta):
        fields = (
            *ListedStudySerializer.Meta.fields, "series", "period", "holds", "extensions", "copies", "conflicts",
            "collections",
        )  # fmt: skip


class CriteriaSerializer(serializers.Serializer[Any]):
    """What to search by: all that is given must hold. `*` and `?` are wildcards; `text` is name, ID or number."""

    text = serializers.CharField(max_length=100, default="", allow_blank=True)
    patient_name = serializers.CharField(max_length=100, default="", allow_blank=True)
    patient_id = serializers.CharField(max_length=64, default="", allow_blank=True)
    patient_birth_date = serializers.DateField(default=None, allow_null=True)
    patient_sex = serializers.ChoiceField(choices=["F", "M", "O"], default="", allow_blank=True)
    accession_number = serializers.CharField(max_length=64, default="", allow_blank=True)
    study_date_from = serializers.DateField(default=None, allow_null=True)
    study_date_to = serializers.DateField(default=None, allow_null=True)
    received_from = serializers.DateField(default=None, allow_null=True)
    received_to = serializers.DateField(default=None, allow_null=True)
    modalities = BoundedListField(child=serializers.CharField(max_length=16), max_length=50, default=list)
    study_description = serializers.CharField(max_length=64, default="", allow_blank=True)
    body_part = serializers.CharField(max_length=64, default="", allow_blank=True)
    image_number = serializers.IntegerField(min_value=-(2**31), max_value=2**31 - 1, default=None, allow_null=True)
    study_id = serializers.CharField(max_length=64, default="", allow_blank=True)
    referring_physician_name = serializers.CharField(max_length=64, default="", allow_blank=True)
    institution_name = serializers.CharField(max_length=64, default="", allow_blank=True)
    station_name = serializers.CharField(max_length=64, default="", allow_blank=True)
    manufacturer = serializers.CharField(max_length=64, default="", allow_blank=True)
    protocol_name = serializers.CharField(max_length=64, default="", allow_blank=True)


class SearchSerializer(serializers.Serializer[Any]):
    """A search: in the body, for addresses are logged and criteria name patients."""

    criteria = CriteriaSerializer(default=dict)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=25)
    cursor = serializers.CharField(max_length=300, default="", allow_blank=True)
