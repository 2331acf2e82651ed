"""What staff do with orders of sheets on their page: look at them, and have film printed."""

from functools import partial
from typing import Any, BinaryIO

from django import forms
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget

from apps.audit.admin import AuditedAdmin
from apps.core.admin import Table, minute
from apps.orders.kinds import KINDS
from apps.orders.kinds.sheets import Sheets
from apps.orders.models import MediumType, Order, OrderKind, Output, Printer, PrintJob, State
from apps.orders.outputs import latest, opened
from apps.orders.printing import go_on_printing, is_printing, start_printing, stopped_job
from apps.orders.sheets.film_file import Film

MAY = ["orders.change_order"]
CAME_OUT: dict[str, bool | None] = {"": None, "yes": True, "no": False}


class PrintForm(BaseDialogForm):  # type: ignore[misc]
    """On which printer, and on what."""

    printer = forms.ModelChoiceField(
        label=_("Printer"), queryset=Printer.objects.filter(is_enabled=True), widget=UnfoldAdminSelectWidget
    )
    medium_type = forms.ChoiceField(label=_("Medium type"), choices=MediumType.choices, widget=UnfoldAdminSelectWidget)


class GoOnForm(PrintForm):
    """And whether the sheet that is in doubt came out."""

    came_out = forms.ChoiceField(
        label=_("The sheet that was being printed"), required=False, widget=UnfoldAdminSelectWidget,
        choices=[("", _("none was")), ("yes", _("came out, with all its copies")), ("no", _("did not come out"))],
        help_text=_("Look at the printer. One that came out is not printed again."),
    )  # fmt: skip


class SheetActs(AuditedAdmin):
    """For the admin of orders: ACTS among its `actions_detail`, and `offers` asks `offers_of_sheets` of them."""

    ACTS = ("look_at_sheets", "print_film", "go_on_printing")

    def offers_of_sheets(self, act: str, obj: Order) -> bool:
        """Sheets can be looked at while they are kept, and film is printed while it is ready."""
        if act == "look_at_sheets":
            return isinstance(KINDS[obj.kind], Sheets) and obj.state in {State.READY, State.DISPATCHED}
        if obj.kind != OrderKind.FILM or obj.state != State.READY:
            return False
        return stopped_job(obj) is not None if act == "go_on_printing" else not is_printing(obj)

    @action(description=_("Look at the sheets"), icon="preview", permissions=MAY)  # type: ignore[untyped-decorator]
    def look_at_sheets(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        order: Order = self.found(request, object_id)
        output = (
            latest().filter(facility_id=order.facility_id, order=order, made_at__isnull=False, erased_at=None).first()
        )
        if output is None or not self.offers_of_sheets("look_at_sheets", order):
            raise Http404
        self.record_act(request, "looked_at", order, production=output.number)
        return FileResponse(_look(order, output), content_type="application/pdf", filename=f"{order}.pdf")

    @action(  # type: ignore[untyped-decorator]
        description=_("Print"),
        icon="print",
        permissions=MAY,
        dialog={
            "title": _("Print all sheets?"),
            "description": _("They go to the printer one by one; the page of the order tells how far it is."),
            "form_class": PrintForm,
            "form_submit_text": _("Print"),
        },
    )
    def print_film(self, request: HttpRequest, form: PrintForm, object_id: str) -> HttpResponse:
        act = partial(start_printing, **_wanted(form))
        return self.act_on(request, object_id, act, done=_("It is printed within a minute."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Go on printing"),
        icon="print_connect",
        permissions=MAY,
        dialog={
            "title": _("Print the sheets that are missing?"),
            "description": _("Those that came out are not printed again."),
            "form_class": GoOnForm,
            "form_submit_text": _("Go on"),
        },
    )
    def go_on_printing(self, request: HttpRequest, form: GoOnForm, object_id: str) -> HttpResponse:
        act = partial(go_on_printing, came_out=CAME_OUT[form.cleaned_data["came_out"]], **_wanted(form))
        return self.act_on(request, object_id, act, done=_("It goes on within a minute."))


def print_tables(order: Order) -> list[Table]:
    """The print jobs of a film order."""
    if order.kind != OrderKind.FILM:
        return []
    jobs = PrintJob.objects.filter(facility_id=order.facility_id, order=order).select_related("printer", "requested_by")
    rows = [
        [
            minute(job.requested_at),
            job.requested_by,
            job.printer,
            job.get_medium_type_display(),
            job.printed,
            job.sending or "-",
            minute(job.printed_at),
            job.problem or "-",
        ]
        for job in jobs.order_by("pk")
    ]
    headers = [_("Wanted"), _("By"), _("Printer"), _("Medium type"), _("Sheets printed"), _("Being printed"), _("Done"),
               _("Problem")]  # fmt: skip
    return [Table(_("Printing"), headers, rows)]


def _wanted(form: PrintForm) -> dict[str, Any]:
    return {"printer": form.cleaned_data["printer"], "medium_type": form.cleaned_data["medium_type"]}


def _look(order: Order, output: Output) -> BinaryIO:
    file = opened(output)
    return Film(file).look() if order.kind == OrderKind.FILM else file
