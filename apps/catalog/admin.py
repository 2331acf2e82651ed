"""Patients, studies, series, instances and holds. Looking at a patient or a study is an event on record.

At images staff look by exception alone.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect
from pydicom.uid import UID
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.catalog import image_pages
from apps.catalog.holds import ask_release, release_hold
from apps.catalog.image_access import open_images
from apps.catalog.models import AccessPurpose, Conflict, Hold, HoldKind, ImageAccess, Instance, Patient, Series, Study
from apps.catalog.naming import person
from apps.core.acting import attempt
from apps.core.admin import ROWS_OF_A_TABLE, HappenedFilter, Table, link_to, list_of, to_page
from apps.core.clock import database_now
from apps.core.shown import day
from apps.facilities.admin import AuditedTenantAdmin
from apps.vault.models import Pack


@admin.register(Patient)
class PatientAdmin(AuditedTenantAdmin):
    when_empty = _("Patients appear with their first images.")
    records_views = True
    list_display = ("name", "local_name", "patient_id", "birth_date", "sex", "facility")
    search_fields = ("patient_id__exact",)
    search_help_text = _("Patient ID")
    fields = (
        "facility",
        "name",
        "local_name",
        "patient_id",
        "issuer_of_patient_id",
        "other_ids",
        "birth_date",
        "sex",
        "created_at",
    )

    @display(description=_("name"))  # type: ignore[untyped-decorator]
    def name(self, obj: Patient) -> str:
        return obj.display_name or "-"

    @display(description=_("ideographic name"))  # type: ignore[untyped-decorator]
    def local_name(self, obj: Patient) -> str:
        return obj.local_name

    @display(description=_("other patient IDs"))  # type: ignore[untyped-decorator]
    def other_ids(self, obj: Patient) -> str:
        return ", ".join(obj.other_patient_ids)

    def tables(self, obj: Patient) -> list[Table]:
        found = Study.objects.filter(facility_id=obj.facility_id, patient=obj).order_by("-study_date", "-pk")
        rows = [
            [
                link_to(row, day(row.study_date) if row.study_date else _("no date")),
                row.study_description,
                ", ".join(row.modalities_in_study),
                row.instance_count,
                filesizeformat(row.size_bytes),
            ]
            for row in found[:ROWS_OF_A_TABLE]
        ]
        headers = [_("Date"), _("Description"), _("Modalities"), _("Images"), _("Size")]
        return [Table(_("Studies"), headers, rows, list_of(Study, patient__id__exact=obj.pk))]


class ImagesForm(BaseDialogForm):  # type: ignore[misc]
    """Why staff need to see images; the facility reads it."""

    purpose = forms.ChoiceField(label=_("Purpose"), choices=AccessPurpose, widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        label=_("Reason"), max_length=300, widget=UnfoldAdminTextInputWidget,
        help_text=_("In your words, without the patient's name. The facility reads it."),
    )  # fmt: skip


class StudyAdmin(AuditedTenantAdmin):
    """Registered in collection, which adds how the study came in."""

    when_empty = _("Studies appear with their first images.")
    records_views = True
    linked_by = ("patient",)
    list_display = (
        "patient_name",
        "id_of_patient",
        "study_date",
        "modalities",
        "instance_count",
        "size",
        "facility",
        "study_instance_uid",
    )
    list_select_related = ("facility", "patient")
    search_fields = ("study_instance_uid__exact", "accession_number__exact", "patient__patient_id__exact")
    search_help_text = _("Study Instance UID, accession number or patient ID")
    fields = (
        "facility",
        "patient_name",
        "patient",
        "id_of_patient",
        "study_instance_uid",
        ("study_date", "study_time"),
        ("accession_number", "study_id"),
        "study_description",
        "modalities",
        "parts",
        "referring_physician",
        "institution_name",
        ("series_count", "instance_count", "size"),
        ("created_at", "updated_at"),
    )
    actions_detail = ("open_images",)

    def get_urls(self) -> list[URLPattern]:
        return [*image_pages.urls(self.admin_site), *super().get_urls()]

    @action(  # type: ignore[untyped-decorator]
        description=_("Look at the images"),
        icon="visibility",
        permissions=["catalog.add_imageaccess"],
        dialog={
            "title": _("Look at the images of this study?"),
            "description": _(
                "Staff have no reason to in everyday work. For half an hour you may; who looked, when and why is on "
                "record, and the facility is shown it."
            ),
            "form_class": ImagesForm,
            "form_submit_text": _("Look at the images"),
        },
    )
    def open_images(self, request: HttpRequest, form: ImagesForm, object_id: str) -> HttpResponse:
        study: Study = self.found(request, object_id)
        purpose, reason = AccessPurpose(form.cleaned_data["purpose"]), form.cleaned_data["reason"]
        by, actor, now = staff_member(request), staff_actor(request), database_now()

        def act() -> None:
            open_images(study, purpose=purpose, reason=reason, by=by, actor=actor, now=now)

        done = attempt(request, act, done=_("You may look at the images for half an hour."))
        if not done or purpose == AccessPurpose.CONFLICT:
            return to_page(request, study)
        return HttpResponseClientRedirect(reverse("admin:catalog_study_images", args=[study.pk]))

    @display(description=_("name"))  # type: ignore[untyped-decorator]
    def patient_name(self, obj: Study) -> str:
        return obj.patient.display_name or "-"

    @display(description=_("patient ID"))  # type: ignore[untyped-decorator]
    def id_of_patient(self, obj: Study) -> str:
        return obj.patient.patient_id

    @display(description=_("modalities"))  # type: ignore[untyped-decorator]
    def modalities(self, obj: Study) -> str:
        return ", ".join(obj.modalities_in_study)

    @display(description=_("referring physician"))  # type: ignore[untyped-decorator]
    def referring_physician(self, obj: Study) -> str:
        return person(obj.referring_physician_name) or "-"

    @display(description=_("body parts"))  # type: ignore[untyped-decorator]
    def parts(self, obj: Study) -> str:
        return ", ".join(obj.body_parts)

    def tables(self, obj: Study) -> list[Table]:
        return [_series_table(obj), _packs_table(obj), _conflicts_table(obj)]


class OfStudyAdmin(AuditedTenantAdmin):
    """Rows about a study, in lists that name no patient."""

    linked_by: ClassVar[Sequence[str]] = ("study",)
    list_select_related: ClassVar[Sequence[str]] = ("facility", "study")

    @display(description=_("study"))  # type: ignore[untyped-decorator]
    def of_study(self, obj: Any) -> SafeString:
        return link_to(obj.study, study_in_words(obj.study))


@admin.register(Series)
class SeriesAdmin(OfStudyAdmin):
    list_display = (
        "number",
        "modality",
        "series_number",
        "series_description",
        "instance_count",
        "of_study",
        "facility",
    )
    search_fields = ("study__study_instance_uid__exact",)
    search_help_text = _("Study Instance UID")
    fields = (
        "facility",
        "of_study",
        "series_instance_uid",
        ("modality", "series_number"),
        "series_description",
        "series_date",
        ("body_part_examined", "laterality"),
        "protocol_name",
        ("manufacturer", "manufacturer_model_name", "station_name"),
        ("performing_physician", "operator"),
        "instance_count",
    )

    @display(description=_("performing physician"))  # type: ignore[untyped-decorator]
    def performing_physician(self, obj: Series) -> str:
        return person(obj.performing_physician_name) or "-"

    @display(description=_("operator"))  # type: ignore[untyped-decorator]
    def operator(self, obj: Series) -> str:
        return person(obj.operators_name) or "-"

    @display(description=_("series"), ordering="pk")  # type: ignore[untyped-decorator]
    def number(self, obj: Series) -> str:
        return f"#{obj.pk}"

    def tables(self, obj: Series) -> list[Table]:
        found = Instance.objects.filter(facility_id=obj.facility_id, series=obj).order_by("instance_number", "pk")
        rows = [
            [link_to(row), row.instance_number, uid_in_words(row.sop_class_uid), filesizeformat(row.length_bytes)]
            for row in found[:ROWS_OF_A_TABLE]
        ]
        headers = [_("SOP Instance UID"), _("Number"), _("SOP class"), _("Length")]
        return [Table(_("Instances"), headers, rows, list_of(Instance, series__id__exact=obj.pk))]


@admin.register(Instance)
class InstanceAdmin(AuditedTenantAdmin):
    linked_by = ("series",)
    list_display = ("sop_instance_uid", "instance_number", "sop_class", "length", "facility")
    search_fields = ("sop_instance_uid__exact",)
    search_help_text = _("SOP Instance UID")
    fields = (
        "facility",
        "of_series",
        "sop_instance_uid",
        "sop_class",
        "transfer_syntax",
        "instance_number",
        ("content_date", "acquisition_date"),
        ("rows", "columns", "number_of_frames"),
        "document_title",
        "pack",
        ("pack_offset", "length"),
        "digest",
        "findings",
    )

    @display(description=_("series"))  # type: ignore[untyped-decorator]
    def of_series(self, obj: Instance) -> SafeString:
        named = filter(None, [f"#{obj.series_id}", obj.series.modality, obj.series.series_description])
        return link_to(obj.series, " ".join(named))

    @display(description=_("SOP class"), ordering="sop_class_uid")  # type: ignore[untyped-decorator]
    def sop_class(self, obj: Instance) -> str:
        return uid_in_words(obj.sop_class_uid)

    @display(description=_("transfer syntax"))  # type: ignore[untyped-decorator]
    def transfer_syntax(self, obj: Instance) -> str:
        return uid_in_words(obj.transfer_syntax_uid)

    @display(description=_("warnings"))  # type: ignore[untyped-decorator]
    def findings(self, obj: Instance) -> str:
        return ", ".join(obj.warnings)


class ReleasedFilter(HappenedFilter):
    title = _("released")
    parameter_name = "released"
    field = "released_at"


@admin.register(Hold)
class HoldAdmin(OfStudyAdmin):
    """Placed from the page of a study's storage period. What the facility or an order holds is theirs to release."""

    when_empty = _("A hold keeps a study without a date. It is placed at the study's storage period.")
    list_display = ("placed_at", "kind", "facility", "of_study", "authority", "release_asked_at", "released_at")
    list_filter = (("facility", RelatedDropdownFilter), "kind", ReleasedFilter)
    search_fields = ("study__study_instance_uid__exact",)
    search_help_text = _("Study Instance UID")
    fields = (
        "facility",
        "of_study",
        "kind",
        "reason",
        "authority",
        ("placed_at", "placed_by"),
        ("release_asked_at", "release_asked_by"),
        ("released_at", "released_by"),
    )
    actions_detail = ("ask_release", "release")

    def offers(self, act: str, obj: Hold) -> bool:
        is_legal = obj.kind == HoldKind.LEGAL
        if obj.released_at or not (is_legal or obj.kind == HoldKind.CLINICAL):
            return False
        is_asked_for = obj.release_asked_by_id is not None
        return is_legal and not is_asked_for if act == "ask_release" else is_asked_for or not is_legal

    @action(  # type: ignore[untyped-decorator]
        description=_("Ask for the release"),
        icon="lock_clock",
        permissions=["catalog.change_hold"],
        dialog={
            "title": _("Ask for the release of this hold?"),
            "description": _("A legal hold ends when another person releases it."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Ask for the release"),
        },
    )
    def ask_release(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        hold = self._staffs(request, object_id)
        by, actor, now = staff_member(request), staff_actor(request), database_now()
        attempt(request, lambda: ask_release(hold, by=by, actor=actor, now=now), done=_("The release is asked for."))
        return to_page(request, hold)

    @action(  # type: ignore[untyped-decorator]
        description=_("Release"),
        icon="lock_open",
        permissions=["catalog.change_hold"],
        dialog={
            "title": _("Release this hold?"),
            "description": _("The study ends as its storage period says. Your name and the time are recorded."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Release"),
        },
    )
    def release(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        hold = self._staffs(request, object_id)
        by, actor, now = staff_member(request), staff_actor(request), database_now()
        attempt(request, lambda: release_hold(hold, by=by, actor=actor, now=now), done=_("The hold is released."))
        return to_page(request, hold)

    def _staffs(self, request: HttpRequest, object_id: str) -> Hold:
        """A hold that staff may end."""
        hold: Hold | None = self.get_object(request, object_id)
        if hold is None or hold.kind not in {HoldKind.LEGAL, HoldKind.CLINICAL}:
            raise PermissionDenied
        return hold


def uid_in_words(uid: str) -> str:
    """What the standard calls a UID (PS3.6 A), or the UID itself."""
    return UID(uid).name or "-"


def study_in_words(study: Study) -> str:
    """What a list that is no patient's calls a study: `#12 CT 2026-03-05`."""
    on = day(study.study_date) if study.study_date else _("no date")
    return " ".join(map(str, [f"#{study.pk}", *study.modalities_in_study, on]))


def instances_of(study: Study) -> QuerySet[Instance]:
    """Instances of a study; the facility stands at every step because every index starts with it."""
    series = Series.objects.filter(facility_id=study.facility_id, study=study)
    return Instance.objects.filter(facility_id=study.facility_id, series__in=series)


def _series_table(study: Study) -> Table:
    found = Series.objects.filter(facility_id=study.facility_id, study=study).order_by("series_number", "pk")
    rows: list[list[Any]] = [
        [
            link_to(row, row.series_number if row.series_number is not None else "-"),
            row.modality,
            row.series_description,
            row.body_part_examined,
            row.instance_count,
        ]
        for row in found[:ROWS_OF_A_TABLE]
    ]
    headers = [_("Number"), _("Modality"), _("Description"), _("Body part"), _("Images")]
    return Table(_("Series"), headers, rows, list_of(Series, study__id__exact=study.pk))


def _packs_table(study: Study) -> Table:
    rows = [
        [
            link_to(row),
            row.file_count,
            filesizeformat(row.size_bytes),
            row.created_at,
            row.replicated_at or _("waiting for the second copy"),
        ]
        for row in Pack.objects.filter(pk__in=instances_of(study).values("pack")).order_by("pk")[:ROWS_OF_A_TABLE]
    ]
    headers = [_("Name"), _("Files"), _("Size"), _("Stored in the primary"), _("Verified in both places")]
    return Table(_("Packs"), headers, rows)


def _conflicts_table(study: Study) -> Table:
    found = Conflict.objects.filter(facility_id=study.facility_id, study=study).order_by("pk")
    rows = [
        [link_to(row, row.sop_instance_uid), row.get_kind_display(), row.raised_at, row.resolved_at or _("open")]
        for row in found[:ROWS_OF_A_TABLE]
    ]
    return Table(_("Conflicts"), [_("SOP Instance UID"), _("Kind"), _("Raised"), _("Resolved")], rows)


@admin.register(ImageAccess)
class ImageAccessAdmin(AuditedTenantAdmin):
    """When staff looked at images, and why."""

    when_empty = _("When staff look at images, by exception and with a reason, it appears here.")
    list_display = ("opened_at", "facility", "person", "purpose", "reason", "ends_at")
    list_select_related = ("facility", "person")
    list_filter = (("facility", RelatedDropdownFilter), "purpose")
    search_fields = ("study_instance_uid__exact",)
    search_help_text = _("Study Instance UID")
    fields = ("facility", "study_instance_uid", "person", "purpose", "reason", "opened_at", "ends_at")
