"""Setting quarantined files aside, until their floors have passed."""

from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from apps.collection.admin.quarantine import AgainForm, asks
from apps.collection.admin.receptions import ReceivedFileAdmin
from apps.collection.models import Basis, QuarantineDecision, ReceivedFile
from apps.collection.quarantine import set_aside
from apps.core.clock import database_now
from apps.retention.explaining import in_words
from apps.retention.reviewing import review_day


class AsideForm(AgainForm):
    """On what basis, and why."""

    basis = forms.ChoiceField(label=_("Basis"), choices=Basis, widget=UnfoldAdminSelectWidget)
    field_order = ("basis", "reason")


@admin.register(ReceivedFile)
class RetainedFileAdmin(ReceivedFileAdmin):
    """Registered here and not in collection: which floors a file may have is known in this room."""

    actions_detail: ClassVar[tuple[str, ...]] = (*ReceivedFileAdmin.actions_detail, "set_aside")

    @asks(_("Set aside"), _("Set this file aside?"), icon="archive", form=AsideForm)  # type: ignore[untyped-decorator]
    def set_aside(self, request: HttpRequest, form: AsideForm, object_id: str) -> HttpResponse:
        review_on = review_day(self.found(request, object_id), as_of=database_now().date())
        act = partial(set_aside, basis=Basis(form.cleaned_data["basis"]), review_on=review_on)
        return self.decide(request, form, object_id, act, done=_done)


def _done(decision: QuarantineDecision) -> Any:
    assert decision.review_on
    return gettext("The file is set aside and stays stored; it is to be decided on again on %(day)s.") % {
        "day": in_words(decision.review_on)
    }
