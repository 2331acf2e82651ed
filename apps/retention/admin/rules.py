"""Rules of the law: the list, what each says, and the acts that put one into force or end it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from apps.audit.admin import AuditedAdmin
from apps.core.admin import Table, link_to
from apps.retention.admin.rule_forms import RuleForm, initial_of
from apps.retention.admin.rule_pages import enabling_page, retiring_page, says, set_page
from apps.retention.explaining import minors_in_words
from apps.retention.law import new_version
from apps.retention.models import Rule
from apps.retention.models.rules import definition_of
from apps.retention.rule_sets import jurisdictions

MAY = "retention.change_rule"
_WRITTEN = (
    ("period", "start"), ("minor_until_age", "minor_after_majority"),
    ("minor_majority", "minor_seen_at", "minor_late_age"),
)  # fmt: skip


class JurisdictionFilter(SimpleListFilter):
    """Rules of a country, a state or a province."""

    title = _("jurisdiction")
    parameter_name = "jurisdiction"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(place, place) for place in jurisdictions()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> QuerySet[Rule]:
        return queryset.filter(jurisdictions__contains=[self.value()]) if self.value() else queryset


class ForceFilter(SimpleListFilter):
    """Rules that govern, never did, or do no longer."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("force", _("in force")), ("not", _("not in force")), ("retired", _("retired"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> QuerySet[Rule]:
        match self.value():
            case "force":
                return queryset.filter(enabled_at__isnull=False, retired_at=None)
            case "not":
                return queryset.filter(enabled_at=None)
            case "retired":
                return queryset.filter(retired_at__isnull=False)
        return queryset


@admin.register(Rule)
class RuleAdmin(AuditedAdmin):
    form = RuleForm
    list_display = ("key", "version", "places", "says", "confidence", "enabled_at", "retired_at")
    list_filter = (JurisdictionFilter, "confidence", ForceFilter)
    list_filter_submit = True
    ordering = ("key", "-version")
    search_fields = ("key__exact",)
    search_help_text = _("Key")
    actions_detail = ("put_into_force", "another_version", "retire")
    actions_list = ("enable_a_set",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        key: tuple[Any, ...] = (("key", "version"),) if obj else ("key",)
        says = ("says", "minors") if obj else _WRITTEN
        clauses = (("under_two", "after_death"), "unless_later_mammogram", ("rounding", "maximum"))
        binds = (("facility_kinds", "purposes"), ("modalities", "body_parts"), ("valid_from", "valid_to"))
        force = ("enabled_at", "enabled_by", "confirmation", "retired_at", "retired_by")
        return [
            (None, {"fields": (*key, "jurisdictions")}),
            (_("What it binds"), {"fields": binds}),
            (_("How long"), {"fields": (*says, *clauses)}),
            (_("Where it stands"), {"fields": ("citation", "source", "confidence", "note")}),
            *([(_("In force"), {"fields": force})] if obj else []),
        ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        """What is recorded is only read; what is being recorded knows which version it follows, if any."""
        if obj is not None:
            return super().get_form(request, obj, change, form=forms.ModelForm, **kwargs)
        form = super().get_form(request, obj, change, **kwargs)
        return type("VersionForm", (form,), {"version_of": self._version_of(request)})

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        rule = self._version_of(request)
        return initial_of(rule) if rule else {}

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:  # noqa: FBT001
        if rule := self._version_of(request):
            made = new_version(rule, **definition_of(obj))
            obj.pk, obj.version = made.pk, made.version
            obj._state.adding = False
        else:
            obj.save()
        self.record_act(request, "recorded", obj, rule=str(obj))

    def _version_of(self, request: HttpRequest) -> Rule | None:
        key = request.GET.get("version_of", "")
        return Rule.objects.filter(pk=key).first() if key.isdecimal() and len(key) < 19 else None

    def offers(self, act: str, obj: Rule) -> bool:
        if act == "another_version":
            return not Rule.objects.filter(key=obj.key, version__gt=obj.version).exists()
        return obj.is_in_force if act == "retire" else obj.enabled_at is None

    def tables(self, obj: Rule) -> list[Table]:
        others = Rule.objects.filter(key=obj.key).exclude(pk=obj.pk).order_by("-version")
        rows = [
            [link_to(each), says(each), each.get_confidence_display(), each.enabled_at or "-",
             each.retired_at or "-"]
            for each in others
        ]  # fmt: skip
        headers = [_("Version"), _("Says"), _("Confidence"), _("In force since"), _("Retired")]
        return [Table(_("Other versions"), headers, rows)]

    @display(description=_("jurisdictions"))  # type: ignore[untyped-decorator]
    def places(self, obj: Rule) -> str:
        return ", ".join(obj.jurisdictions)

    @display(description=_("says"), ordering="period")  # type: ignore[untyped-decorator]
    def says(self, obj: Rule) -> str:
        return says(obj)

    @display(description=_("minors"))  # type: ignore[untyped-decorator]
    def minors(self, obj: Rule) -> str:
        return minors_in_words(obj.terms.minor) or "-"

    @action(description=_("Put into force"), icon="gavel", permissions=[MAY])  # type: ignore[untyped-decorator]
    def put_into_force(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return enabling_page(self.admin_site, request, self.found(request, object_id))

    @action(description=_("Retire"), icon="block", permissions=[MAY])  # type: ignore[untyped-decorator]
    def retire(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return retiring_page(self.admin_site, request, self.found(request, object_id))

    @action(description=_("New version"), icon="content_copy", permissions=[MAY])  # type: ignore[untyped-decorator]
    def another_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        rule = self.found(request, object_id)
        return redirect(f"{reverse('admin:retention_rule_add')}?version_of={rule.pk}")

    @action(description=_("Enable a set"), icon="library_add_check", permissions=[MAY])  # type: ignore[untyped-decorator]
    def enable_a_set(self, request: HttpRequest) -> HttpResponse:
        return set_page(self.admin_site, request)
