"""Terminals and collectors: what staff agree with a facility, enrolment codes, a lost collector's end."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from apps.audit.admin import AuditedAdmin, staff_actor
from apps.collection.admin import rounds
from apps.collection.enrolment import issue_code, retire_terminal, revoke_collector
from apps.collection.models import Capacity, Collection, CollectionRequest, Collector, CollectorFacility, Terminal
from apps.collection.schedule import outlooks
from apps.core.admin import ROWS_OF_A_TABLE, Table, link_to, list_of, to_page
from apps.core.clock import database_now
from apps.facilities.admin import AuditedTenantAdmin
from apps.facilities.models import Facility

CODE_DIALOG = {
    "title": _("Give out an enrolment code?"),
    "description": _("It is shown once and enrols one device within three days. A code given out before ends."),
    "form_class": BaseDialogForm,
    "form_submit_text": _("Give out a code"),
}


class TerminalForm(forms.ModelForm):  # type: ignore[type-arg]
    """A terminal; the certificate is known by its SHA-256 in hex."""

    certificate = forms.CharField(
        label=_("SHA-256 of its TLS certificate"), required=False, widget=UnfoldAdminTextInputWidget
    )

    class Meta:
        model = Terminal
        fields = (
            "facility", "name", "mark", "mark_tag", "mark_value", "store_prefixes", "keep_prefixes", "unmarked",
            "visit_every_days", "push_every_hours", "agreed_instances", "agreed_bytes", "threshold_percent",
            "ae_title", "address", "dicom_port",
        )  # fmt: skip
        widgets = dict.fromkeys(("store_prefixes", "keep_prefixes"), UnfoldAdminTextInputWidget)
        help_texts = dict.fromkeys(("store_prefixes", "keep_prefixes"), _("Letters, separated by commas"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.certificate_sha256:
            self.initial["certificate"] = bytes(self.instance.certificate_sha256).hex()

    def clean_certificate(self) -> bytes | None:
        text = self.cleaned_data["certificate"].replace(":", "").strip()
        try:
            digest = bytes.fromhex(text)
        except ValueError:
            digest = b"?"
        if text and len(digest) != 32:
            raise forms.ValidationError(_("64 hexadecimal digits, as openssl x509 -fingerprint -sha256 prints them."))
        return digest or None

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 Django's signature
        self.instance.certificate_sha256 = self.cleaned_data["certificate"]
        return super().save(commit)


@admin.register(Terminal)
class TerminalAdmin(AuditedTenantAdmin):
    when_empty = _("Terminals are registered here, or enrol with a code that is given out on their page.")
    form = TerminalForm
    list_display = (
        "name", "facility", "mark", "visit_every_days", "push_every_hours", "enrolled_at", "last_seen_at", "retired_at",
    )  # fmt: skip
    search_fields = ("name__exact", "ae_title__exact")
    search_help_text = _("Name or AE title")
    fieldsets = (
        (None, {"fields": ("facility", "name", "uid", ("enrolled_at", "last_seen_at"), "retired_at")}),
        (
            _("What is stored"),
            {"fields": ("mark", ("mark_tag", "mark_value"), ("store_prefixes", "keep_prefixes"), "unmarked")},
        ),
        (
            _("What is agreed"),
            {
                "description": _("Frequencies and amounts are those of the facility's contract while it has one."),
                "fields": (
                    ("visit_every_days", "push_every_hours"),
                    ("agreed_instances", "agreed_bytes"),
                    "threshold_percent",
                ),
            },
        ),
        (_("DICOM"), {"fields": (("ae_title", "address", "dicom_port"), "certificate")}),
    )
    actions_detail = ("give_code", "retire")

    def get_urls(self) -> list[URLPattern]:
        return [*rounds.urls(self.admin_site), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("collection.add_terminal")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("collection.change_terminal")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        return ("uid", "enrolled_at", "last_seen_at", "retired_at", *(("facility",) if obj else ()))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("facility", "name")}), *self.fieldsets[1:]]
        if self.has_change_permission(request, obj):
            return self.fieldsets
        *others, (title, _with_certificate) = self.fieldsets
        return [*others, (title, {"fields": (("ae_title", "address", "dicom_port"),)})]

    @action(  # type: ignore[untyped-decorator]
        description=_("Enrolment code"), icon="qr_code", permissions=["collection.change_terminal"], dialog=CODE_DIALOG
    )
    def give_code(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return _give_code(request, self.get_object(request, object_id))

    @action(  # type: ignore[untyped-decorator]
        description=_("Retire"),
        icon="block",
        permissions=["collection.change_terminal"],
        dialog={
            "title": _("Retire this terminal?"),
            "description": _("Nothing is taken from it any more. Its successor is registered anew."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Retire"),
        },
    )
    def retire(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        terminal = self.get_object(request, object_id)
        if terminal is None:
            raise PermissionDenied
        retire_terminal(terminal, actor=staff_actor(request), now=database_now())
        messages.success(request, _("The terminal is retired."))
        return to_page(request, terminal)

    def can_act_on(self, obj: Terminal) -> bool:
        return obj.retired_at is None

    def tables(self, obj: Terminal) -> list[Table]:
        capacities = Capacity.objects.filter(facility_id=obj.facility_id, terminal=obj).order_by("-reported_at")[:10]
        wishes = CollectionRequest.objects.filter(facility_id=obj.facility_id, terminal=obj).order_by("-pk")[:10]
        made = Collection.objects.filter(facility_id=obj.facility_id, terminal=obj).order_by("-opened_at")[:10]
        return [
            _outlook_table(obj),
            Table(
                _("Capacity"),
                [_("Reported"), _("Used"), _("In all"), _("Image sets waiting"), _("Without a mark")],
                [
                    [
                        row.reported_at,
                        filesizeformat(row.used_bytes),
                        filesizeformat(row.total_bytes),
                        row.waiting_sets,
                        row.unmarked_sets,
                    ]
                    for row in capacities
                ],
                list_of(Capacity, terminal__id__exact=obj.pk),
            ),
            Table(
                _("Requests"),
                [_("Reason"), _("Requested"), _("Due"), _("Answered")],
                [
                    [
                        link_to(row, row.get_reason_display()),
                        row.requested_at,
                        row.due_at or "-",
                        row.answered_at or "-",
                    ]
                    for row in wishes
                ],
            ),
            Table(
                _("Collections"),
                [_("Collection"), _("Method"), _("State"), _("Opened"), _("Files")],
                [
                    [link_to(row), row.get_method_display(), row.get_state_display(), row.opened_at, row.file_count]
                    for row in made
                ],
                list_of(Collection, terminal__id__exact=obj.pk),
            ),
        ]


class CollectorForm(forms.ModelForm):  # type: ignore[type-arg]
    """A collector and whom it serves; a facility that it has served stays on record."""

    serves = forms.ModelMultipleChoiceField(
        label=_("Facilities"), queryset=Facility.objects.none(), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = Collector
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "serves" not in self.fields:
            return
        served = Facility.objects.filter(collectorfacility__collector=self.instance.pk) if self.instance.pk else []
        self.fields["serves"].queryset = Facility.objects.order_by("name")  # type: ignore[attr-defined]
        self.initial["serves"] = [facility.pk for facility in served]


@admin.register(Collector)
class CollectorAdmin(AuditedAdmin):
    when_empty = _("A collector is registered here, then enrolled with a code.")
    form = CollectorForm
    list_display = ("name", "enrolled_at", "revoked_at")
    actions_detail = ("give_code", "revoke")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("collection.add_collector")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("collection.change_collector")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        writable = ("name", "serves") if obj is None or self.has_change_permission(request, obj) else ("name",)
        return (*writable, *(("uid", "enrolled_at", "revoked_at") if obj else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        return ("uid", "enrolled_at", "revoked_at")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        super().save_related(request, form, formsets, change)
        for facility in form.cleaned_data["serves"]:
            CollectorFacility.objects.get_or_create(facility=facility, collector=form.instance)

    def can_act_on(self, obj: Collector) -> bool:
        return obj.revoked_at is None

    @action(  # type: ignore[untyped-decorator]
        description=_("Enrolment code"), icon="qr_code", permissions=["collection.change_collector"], dialog=CODE_DIALOG
    )
    def give_code(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return _give_code(request, self.get_object(request, object_id))

    @action(  # type: ignore[untyped-decorator]
        description=_("Revoke"),
        icon="block",
        permissions=["collection.change_collector"],
        dialog={
            "title": _("Revoke this collector?"),
            "description": _("Its tokens end at every facility. What it carries stays sealed. This cannot be undone."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Revoke"),
        },
    )
    def revoke(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        collector = self.get_object(request, object_id)
        if collector is None:
            raise PermissionDenied
        revoke_collector(collector, actor=staff_actor(request), now=database_now())
        messages.success(request, _("The collector is revoked."))
        return to_page(request, collector)

    def tables(self, obj: Collector) -> list[Table]:
        services = CollectorFacility.objects.filter(collector=obj).select_related("facility", "device_token")
        return [
            Table(
                _("Facilities served"),
                [_("Facility"), _("Device token"), _("Last used")],
                [
                    [
                        link_to(row.facility),
                        link_to(row.device_token) if row.device_token else "-",
                        (row.device_token and row.device_token.last_used_at) or "-",
                    ]
                    for row in services[:ROWS_OF_A_TABLE]
                ],
            )
        ]


@admin.register(Capacity)
class CapacityAdmin(AuditedTenantAdmin):
    when_empty = _("Terminals report how full they are, once they are enrolled.")
    linked_by = ("terminal",)
    list_display = ("reported_at", "terminal", "facility", "used", "in_all", "waiting_sets", "unmarked_sets")
    list_select_related = ("facility", "terminal")
    fields = (
        "facility", "terminal", ("measured_at", "reported_at"), ("used", "in_all"), ("waiting_sets", "waiting"),
        "unmarked_sets",
    )  # fmt: skip

    @display(description=_("used"))  # type: ignore[untyped-decorator]
    def used(self, obj: Capacity) -> str:
        return filesizeformat(obj.used_bytes)

    @display(description=_("in all"))  # type: ignore[untyped-decorator]
    def in_all(self, obj: Capacity) -> str:
        return filesizeformat(obj.total_bytes)

    @display(description=_("waiting"))  # type: ignore[untyped-decorator]
    def waiting(self, obj: Capacity) -> str:
        return filesizeformat(obj.waiting_bytes)


@admin.register(CollectionRequest)
class CollectionRequestAdmin(AuditedTenantAdmin):
    when_empty = _("What facilities ask for in the portal appears here.")
    list_display = ("requested_at", "facility", "terminal", "reason", "due_at", "answered_at", "withdrawn_at")
    list_select_related = ("facility", "terminal")
    list_filter = (("facility", RelatedDropdownFilter), "reason")
    fields = (
        "facility", "terminal", "reason", "note", ("requested_at", "requested_by"), "due_at",
        ("answered_at", "withdrawn_at"),
    )  # fmt: skip


def _outlook_table(terminal: Terminal) -> Table:
    [outlook] = outlooks([terminal], as_of=database_now())
    expected, proposed = outlook.forecast, outlook.proposed_days
    full_on = (expected.full_on or _("not in sight")) if expected else _("too few reports to tell")
    every = ngettext("a visit every day", "a visit every %(days)d days", proposed) if proposed else "-"
    return Table(
        _("Outlook"),
        [_("Last collection"), _("Visit due"), _("Full"), _("Proposal")],
        [[outlook.last_collected_at or "-", outlook.next_visit_on or "-", full_on, every % {"days": proposed}]],
    )


def _give_code(request: HttpRequest, device: Terminal | Collector | None) -> HttpResponse:
    if device is None:
        raise PermissionDenied
    code = issue_code(device, actor=staff_actor(request), now=database_now())
    messages.success(request, _("Enrolment code, shown this once: %s") % code)
    return to_page(request, device)
