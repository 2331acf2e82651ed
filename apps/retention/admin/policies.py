"""Deletion policies: what facilities without a contract have agreed on. Another one is added; none changes."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.contracts.admin.forms import check_notice
from apps.contracts.agreeing import contract_of
from apps.core.admin import ROWS_OF_A_TABLE, Table, link_to
from apps.core.clock import database_now
from apps.core.periods import period_in_words
from apps.core.shown import moment
from apps.facilities.admin import AuditedTenantAdmin
from apps.facilities.models import Facility
from apps.retention.agreeing import agree_on_policy, governing_policies, is_agreed
from apps.retention.models import DeletionPolicy
from apps.retention.models.policies import TERMS


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Another policy; it begins as the one that governs."""

    class Meta:
        model = DeletionPolicy
        fields = ("facility", *TERMS)
        widgets = {"reminder_days": UnfoldAdminTextInputWidget}
        help_texts = {"reminder_days": _("Numbers, separated by commas")}

    def clean(self) -> dict[str, Any]:
        content: dict[str, Any] = super().clean() or self.cleaned_data
        check_notice(self, content)
        facility = content.get("facility")
        if facility and (contract := contract_of(facility.pk, on=database_now().date())):
            raise forms.ValidationError(
                _("Contract %s says what happens at the end of storage: amend the contract.") % contract
            )
        if facility and not self.errors and is_agreed(facility, content):
            raise forms.ValidationError(_("This is what is agreed on with the facility already."))
        return content


@admin.register(DeletionPolicy)
class DeletionPolicyAdmin(AuditedTenantAdmin):
    form = PolicyForm
    list_display = (
        "facility", "on_expiry", "notice_days", "reminders", "on_silence", "at_least", "agreed_at",
    )  # fmt: skip
    list_filter = (("facility", RelatedDropdownFilter), "on_expiry", "on_silence")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeletionPolicy]:
        """The list has those that govern; an earlier one is reached from the page of its successor."""
        found: QuerySet[DeletionPolicy] = super().get_queryset(request)
        is_list = bool(request.resolver_match and str(request.resolver_match.url_name).endswith("_changelist"))
        return found.filter(pk__in=governing_policies().values("pk")) if is_list else found

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("retention.add_deletionpolicy")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return PolicyForm.Meta.fields
        return ("facility", "on_expiry", "notice_days", "reminders", "on_silence", "at_least", "agreed_at", "agreed_by")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        key = request.GET.get("facility", "")
        facility = Facility.objects.filter(pk=key).first() if key.isdecimal() and len(key) < 19 else None
        before = governing_policies().filter(facility=facility).first() if facility else None
        return {"facility": facility} | {name: getattr(before, name) for name in TERMS if before}

    def save_model(self, request: HttpRequest, obj: DeletionPolicy, form: Any, change: bool) -> None:  # noqa: FBT001
        terms = {name: form.cleaned_data[name] for name in TERMS}
        made = agree_on_policy(
            obj.facility, by=staff_member(request), actor=staff_actor(request), now=database_now(), **terms
        )
        obj.pk, obj.agreed_at = made.pk, made.agreed_at
        messages.info(request, _("It governs from now on. Notices that were sent keep the day they name."))

    def tables(self, obj: DeletionPolicy) -> list[Table]:
        return [policies_table(obj.facility)]

    @display(description=_("reminders, days before the end"))  # type: ignore[untyped-decorator]
    def reminders(self, obj: DeletionPolicy) -> str:
        return ", ".join(map(str, obj.reminder_days)) or "-"

    @display(description=_("at least, from the exam"))  # type: ignore[untyped-decorator]
    def at_least(self, obj: DeletionPolicy) -> str:
        return period_in_words(obj.minimum_period) if obj.minimum_period else "-"


def policies_table(facility: Facility) -> Table:
    """What was agreed on with a facility, the latest first, which governs."""
    found = DeletionPolicy.objects.filter(facility=facility).select_related("agreed_by").order_by("-pk")
    rows = [
        [
            link_to(each, moment(each.agreed_at)),
            each.get_on_expiry_display(),
            each.notice_days,
            each.get_on_silence_display(),
            period_in_words(each.minimum_period) if each.minimum_period else "-",
            each.agreed_by or "-",
        ]
        for each in found[:ROWS_OF_A_TABLE]
    ]
    headers = [_("Agreed"), _("On expiry"), _("Days of notice"), _("Silence means"), _("At least"), _("By")]
    contract = contract_of(facility.pk, on=database_now().date())
    governs = _("contract %s governs") % contract if contract else _("the latest governs")
    return Table(f"{_('Deletion policies')}, {governs}", headers, rows)
