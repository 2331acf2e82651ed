"""Storage commitments, the sources from which the center fetches, the nodes that it sends to, its film printers."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
)

from apps.audit.admin import AuditedAdmin, staff_actor
from apps.collection.models import Terminal
from apps.core.admin import to_page
from apps.dicomnet.film_session import NORMAL
from apps.dicomnet.models import Commitment, Source, Via
from apps.dicomnet.printing import ask_printer
from apps.dicomnet.pulling import pull_soon, set_authorization
from apps.facilities.admin import AuditedTenantAdmin
from apps.orders import nodes
from apps.orders.addresses import ForbiddenAddress, refuse_forbidden
from apps.orders.models import MediumType, Node, Printer
from apps.orders.models import Via as NodeVia
from apps.orders.sheets.format import SIZE_NAMES

OF_DICOM = ("ae_title", "address", "dicom_port")


@admin.register(Commitment)
class CommitmentAdmin(AuditedTenantAdmin):
    when_empty = _("Devices that ask whether their images are stored appear here.")
    list_display = ("requested_at", "facility", "terminal", "images", "not_committed", "verified_at", "reported_at")
    list_select_related = ("facility", "terminal")
    list_filter = (("facility", RelatedDropdownFilter),)
    fields = (
        "facility", "terminal", "transaction_uid", "images", "not_committed", "requested_at", "verified_at",
        ("reported_at", "attempts", "next_at"),
    )  # fmt: skip

    @display(description=_("images"))  # type: ignore[untyped-decorator]
    def images(self, obj: Commitment) -> int:
        return len(obj.references)

    @display(description=_("not committed"))  # type: ignore[untyped-decorator]
    def not_committed(self, obj: Commitment) -> str:
        return "-" if obj.failures is None else str(len(obj.failures))


class WebForm(forms.ModelForm):  # type: ignore[type-arg]
    """What may be a DICOMweb server: what it wants as authorization is written here and never shown."""

    authorization = forms.CharField(
        label=_("Authorization"), required=False, widget=UnfoldAdminTextInputWidget,
        help_text=_("of DICOMweb, such as Bearer TOKEN; empty leaves it as it is"),
    )  # fmt: skip
    url = forms.URLField(
        label=_("DICOMweb address"), required=False, max_length=500, assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        host = urlsplit(given.get("url") or "").hostname or given.get("address") or ""
        try:
            refuse_forbidden(ip_address(host))
        except ForbiddenAddress as error:
            raise ValidationError(error.message) from error
        except ValueError:
            pass  # a host name: looked at when it is connected to
        return given


class SourceForm(WebForm):
    """A source."""

    class Meta:
        model = Source
        fields = (
            "facility", "terminal", "via", "url", "every_hours", "overlap_days", "first_on", "is_read_twice",
            "is_enabled",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        facility, terminal = given.get("facility"), given.get("terminal")
        if facility and terminal and terminal.facility_id != facility.pk:
            self.add_error("terminal", _("This terminal is another facility's."))
        if given.get("via") and (given["via"] == Via.WEB) != bool(given.get("url")):
            self.add_error("url", _("DICOMweb needs an address, the others take the terminal's."))
        return given


@admin.register(Source)
class SourceAdmin(AuditedTenantAdmin):
    when_empty = _("A source is a facility's node from which the center fetches images by itself.")
    form = SourceForm
    list_display = ("terminal", "facility", "via", "every_hours", "looked_at", "next_at", "problem")
    list_select_related = ("facility", "terminal")
    list_filter = (("facility", RelatedDropdownFilter), "via", "is_enabled")
    fields = (
        "facility", "terminal", "via", "url", "authorization", ("every_hours", "overlap_days"), "first_on",
        ("is_read_twice", "is_enabled"), ("fetched_on", "looked_at", "next_at"), "problem",
    )  # fmt: skip
    readonly_fields = ("fetched_on", "looked_at", "next_at", "problem")
    actions_detail = ("fetch",)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field and db_field.name == "terminal":
            in_use = Terminal.objects.filter(retired_at=None).select_related("facility")
            field.queryset = in_use.order_by("facility__name", "name")
            field.label_from_instance = lambda terminal: f"{terminal.facility}: {terminal}"
        return field

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("dicomnet.add_source")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("dicomnet.change_source")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, *(("facility", "terminal") if obj else ()))

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:  # noqa: FBT001 Django's
        super().save_model(request, obj, form, change)
        if authorization := form.cleaned_data.get("authorization"):
            set_authorization(obj, authorization, actor=staff_actor(request))

    @action(  # type: ignore[untyped-decorator]
        description=_("Fetch now"), icon="download", permissions=["dicomnet.change_source"]
    )
    def fetch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        source = self.get_object(request, object_id)
        assert isinstance(source, Source)
        pull_soon(source, actor=staff_actor(request))
        messages.success(request, _("It is fetched within a minute."))
        return to_page(request, source)


class PrinterForm(forms.ModelForm):  # type: ignore[type-arg]
    """A printer, and what is in it."""

    film_sizes = forms.MultipleChoiceField(
        label=_("Film sizes"), choices=list(SIZE_NAMES.items()), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    medium_types = forms.MultipleChoiceField(
        label=_("Medium types"), choices=MediumType.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = Printer
        fields = (
            "name", "ae_title", "address", "dicom_port", "is_tls", "film_sizes", "medium_types", "bits", "is_colour",
            "is_enabled",
        )  # fmt: skip


@admin.register(Printer)
class PrinterAdmin(AuditedAdmin):
    when_empty = _("Film is printed on the printers that are registered here.")
    form = PrinterForm
    list_display = ("name", "ae_title", "address", "is_enabled", "status", "status_info", "looked_at")
    list_filter = ("is_enabled",)
    fields = (
        "name", ("ae_title", "address", "dicom_port"), "is_tls", "film_sizes", "medium_types", ("bits", "is_colour"),
        "is_enabled", ("status", "status_info", "looked_at"),
    )  # fmt: skip
    readonly_fields = ("status", "status_info", "looked_at")
    actions_detail = ("ask",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.add_printer")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("orders.change_printer")

    @action(  # type: ignore[untyped-decorator]
        description=_("Ask for its status"), icon="live_help", permissions=["orders.change_printer"]
    )
    def ask(self, request: HttpRequest, object_id: str) -> HttpResponse:
        printer: Printer = self.found(request, object_id)
        told = ask_printer(printer)
        told_of = messages.success if told.status == NORMAL else messages.error
        told_of(request, f"{told.status} {told.info}".strip())
        return to_page(request, printer)


class NodeForm(WebForm):
    """A node."""

    class Meta:
        model = Node
        fields = ("facility", "name", "via", *OF_DICOM, "is_tls", "url", "is_enabled")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        is_web = given.get("via") == NodeVia.WEB
        if is_web != bool(given.get("url")):
            self.add_error("url", _("DICOMweb needs an address of its own, DICOM has none."))
        for name in OF_DICOM:
            if is_web == bool(given.get(name)):
                self.add_error(name, _("DICOM needs this, DICOMweb has none."))
        if is_web and given.get("is_tls"):
            self.add_error("is_tls", _("Of DICOMweb, the address says so: https://"))
        return given


@admin.register(Node)
class NodeAdmin(AuditedTenantAdmin):
    when_empty = _("Facilities order transfers to the nodes that are registered here.")
    form = NodeForm
    list_display = ("name", "facility", "via", "where", "is_enabled")
    list_select_related = ("facility",)
    list_filter = (("facility", RelatedDropdownFilter), "via", "is_enabled")
    ordering: ClassVar[Sequence[str]] = ["facility__name", "name"]
    fields = (
        "facility", "name", "via", OF_DICOM, "is_tls", "url", "authorization", "is_enabled",
    )  # fmt: skip

    @display(description=_("where"))  # type: ignore[untyped-decorator]
    def where(self, obj: Node) -> str:
        return obj.destination

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.add_node")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("orders.change_node")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return ("facility",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Node, form: Any, change: bool) -> None:  # noqa: FBT001 Django's
        super().save_model(request, obj, form, change)
        if authorization := form.cleaned_data.get("authorization"):
            nodes.set_authorization(obj, authorization, actor=staff_actor(request))
