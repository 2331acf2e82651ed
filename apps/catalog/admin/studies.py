"""Studies: looking at one is an event on record; at its images staff look by exception alone."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.catalog import image_pages
from apps.catalog.image_access import open_images
from apps.catalog.models import AccessPurpose, Conflict, Instance, Series, Study
from apps.catalog.naming import person
from apps.core.acting import attempt
from apps.core.admin import ROWS_OF_A_TABLE, Table, link_to, list_of, to_page
from apps.core.clock import database_now
from apps.facilities.admin import AuditedTenantAdmin
from apps.vault.models import Pack


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
