"""Tiers, their versions and price lists. What a contract uses is only read; another version or list follows it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from apps.audit.admin import AuditedAdmin
from apps.core.admin import ROWS_OF_A_TABLE, Table, link_to, list_of
from apps.core.clock import database_now
from apps.core.locks import lock_names
from apps.core.money import plain
from apps.core.shown import moment
from apps.tiers.models import UNITS, Price, PriceList, Tier, TierVersion, Way


class SoldAdmin(AuditedAdmin):
    """What staff of billing and administration offer."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"tiers.add_{self.model._meta.model_name}")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(f"tiers.change_{self.model._meta.model_name}")

    why_it_stays: Any = ""

    @display(description=_("first used"))  # type: ignore[untyped-decorator]
    def used(self, obj: TierVersion | PriceList) -> str:
        return f"{moment(obj.used_at)}. {self.why_it_stays}" if obj.used_at else str(_("not yet"))


OTHER_LANGUAGES = [each for each in settings.LANGUAGES if each[0] != settings.LANGUAGE_CODE]
_TOLD = {"name": (_("Name ({language})"), 80), "summary": (_("Summary ({language})"), 200)}
_IN_LANGUAGES = {
    f"{what}_{code}": forms.CharField(
        label=format_lazy(label, language=language), max_length=longest, required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    for code, language in OTHER_LANGUAGES
    for what, (label, longest) in _TOLD.items()
}  # fmt: skip


class _TierForm(forms.ModelForm):  # type: ignore[type-arg]
    """A tier, and what it is called in each other language."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for code, told in self.instance.in_languages.items():
            self.initial.update({f"{what}_{code}": text for what, text in told.items()})

    def clean(self) -> dict[str, Any]:
        content: dict[str, Any] = super().clean() or self.cleaned_data
        self.instance.in_languages = {
            code: {what: content.get(f"{what}_{code}", "") for what in _TOLD} for code, _language in OTHER_LANGUAGES
        }
        return content


@admin.register(Tier)
class TierAdmin(SoldAdmin):
    form = type("TierForm", (_TierForm,), dict(_IN_LANGUAGES))
    list_display = ("called", "code", "summarized", "position")
    ordering = ("position", "name")
    actions_detail = ("another_version",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        changes = self.has_change_permission(request) if obj else self.has_add_permission(request)
        return ("name", "code", "summary", "position", *(_IN_LANGUAGES if changes else ("elsewhere",)))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    @display(description=_("name"), ordering="name")  # type: ignore[untyped-decorator]
    def called(self, obj: Tier) -> str:
        return str(obj)

    @display(description=_("summary"))  # type: ignore[untyped-decorator]
    def summarized(self, obj: Tier) -> str:
        return obj.told_summary

    @display(description=_("in other languages"))  # type: ignore[untyped-decorator]
    def elsewhere(self, obj: Tier) -> str:
        return " · ".join(text for told in obj.in_languages.values() for text in told.values() if text) or "-"

    def tables(self, obj: Tier) -> list[Table]:
        today = database_now().date()
        rows = [
            [link_to(each), _standing(each, today), each.get_frequency_display(), each.offered_from,
             each.offered_until or "-", each.used_at or "-"]
            for each in obj.versions.order_by("-number")[:ROWS_OF_A_TABLE]
        ]  # fmt: skip
        headers = [_("Version"), _("Standing"), _("Frequency"), _("Offered from"), _("Until"), _("First used")]
        return [Table(_("Versions"), headers, rows)]

    @action(  # type: ignore[untyped-decorator]
        description=_("Another version"), icon="content_copy", permissions=["tiers.add_tierversion"]
    )
    def another_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('admin:tiers_tierversion_add')}?tier={object_id}")


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A version of a tier; the next one begins as the one before."""

    ways = forms.MultipleChoiceField(
        label=_("Ways of collection"), choices=Way, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    def clean(self) -> dict[str, Any]:
        content: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = content.get("offered_from") or self.instance.offered_from, content.get("offered_until")
        if since and until and until < since:
            self.add_error("offered_until", _("This is before the day from which it is offered."))
        if content.get("urgent_output_hours", 0) > content.get("output_hours", 10**6):
            self.add_error("urgent_output_hours", _("Urgent outputs are no later than others."))
        return content


@admin.register(TierVersion)
class TierVersionAdmin(SoldAdmin):
    form = VersionForm
    list_display = ("__str__", "frequency", "offered_from", "offered_until", "needs_approval", "used_at")
    list_filter = ("tier", "frequency")
    list_select_related = ("tier",)
    ordering = ("tier__position", "tier_id", "-number")
    actions_detail = ("another_list",)
    why_it_stays = _("A contract uses it: but for the last day on which it is offered, it stays as it is.")
    promised = (
        "frequency", "ways", ("agreed_instances", "agreed_bytes"),
        ("response_hours", "output_hours", "urgent_output_hours"), "needs_approval",
    )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        told = ("number", "used") if obj else ()
        return ("tier", *told, ("offered_from", "offered_until"), *self._promised(obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        fixed = ("offered_from", *_flat(self._promised(obj))) if obj.used_at else ()
        return ("tier", "number", "used", *fixed)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        key = request.GET.get("tier", "")
        tier = Tier.objects.filter(pk=key).first() if key.isdecimal() and len(key) < 19 else None
        before = tier.versions.order_by("number").last() if tier else None
        return {"tier": tier} | {name: getattr(before, name) for name in _flat(self.promised) if before}

    def save_model(self, request: HttpRequest, obj: TierVersion, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            lock_names([f"tier/{obj.tier_id}"])
            last = TierVersion.objects.filter(tier=obj.tier).order_by("number").last()
            obj.number = last.number + 1 if last else 1
        super().save_model(request, obj, form, change)

    def tables(self, obj: TierVersion) -> list[Table]:
        rows = [
            [link_to(each), each.currency, each.effective_from, each.urgent_factor.normalize(), each.used_at or "-"]
            for each in obj.price_lists.order_by("currency", "-effective_from")[:ROWS_OF_A_TABLE]
        ]
        headers = [_("Price list"), _("Currency"), _("Effective from"), _("Urgent"), _("First used")]
        return [Table(_("Price lists"), headers, rows, list_of(PriceList, tier_version__id__exact=obj.pk))]

    def _promised(self, obj: TierVersion | None) -> tuple[Any, ...]:
        """Where it is only read, ways and amounts are told in words."""
        if obj is None or obj.used_at is None:
            return self.promised
        told = {"ways": "ways_in_words", ("agreed_instances", "agreed_bytes"): ("agreed_instances", "volume")}
        return tuple(told.get(name, name) for name in self.promised)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        if obj is not None and (obj.used_at or not self.has_change_permission(request, obj)):
            kwargs["form"] = type("LastDayForm", (VersionForm,), {"ways": None})
        return super().get_form(request, obj, change, **kwargs)

    @display(description=_("ways of collection"))  # type: ignore[untyped-decorator]
    def ways_in_words(self, obj: TierVersion) -> str:
        return ", ".join(str(Way(way).label) for way in obj.ways)

    @display(description=_("bytes a collection"))  # type: ignore[untyped-decorator]
    def volume(self, obj: TierVersion) -> str:
        return filesizeformat(obj.agreed_bytes) if obj.agreed_bytes else "-"

    @action(description=_("Price list"), icon="sell", permissions=["tiers.add_pricelist"])  # type: ignore[untyped-decorator]
    def another_list(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('admin:tiers_pricelist_add')}?tier_version={object_id}")


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A price, without the zeros that the database keeps."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.update({name: plain(self.initial[name]) for name in ("unit_price", "included")})


class PriceInline(TabularInline):  # type: ignore[misc]
    """Prices change as long as no contract uses their list; see PriceListAdmin.get_inlines."""

    model = Price
    form = PriceForm
    extra = 0
    hide_title = True
    fields = ("item", "unit_price", "included")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # whoever reads the list reads its prices

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_price(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_price(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_price(request)


@admin.register(PriceList)
class PriceListAdmin(SoldAdmin):
    list_display = ("tier_version", "currency", "effective_from", "urgent_factor", "used_at")
    list_filter = ("tier_version__tier", "currency")
    list_select_related = ("tier_version__tier",)
    ordering = ("tier_version__tier__position", "tier_version_id", "currency", "-effective_from")
    linked_by = ("tier_version",)
    why_it_stays = _("A contract uses it: it stays as it is. Other contracts may take another list.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.used_at is None) and super().has_change_permission(request, obj)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return (PriceInline,) if obj is None or obj.used_at is None else ()

    def tables(self, obj: PriceList) -> list[Table]:
        """The prices, once they stay as they are."""
        if obj.used_at is None:
            return []
        rows = [
            [each.get_item_display(), UNITS[each.item], plain(each.unit_price), plain(each.included)]
            for each in obj.prices.all()
        ]
        return [Table(_("Prices"), [_("Item"), _("Per"), _("Unit price"), _("Included a month")], rows)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceList]:
        found: QuerySet[PriceList] = super().get_queryset(request)
        return found.select_related("tier_version__tier")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("tier_version", "currency", "effective_from", "urgent_factor", *(("used",) if obj else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("tier_version", "currency", "used") if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"tier_version": request.GET.get("tier_version"), "effective_from": database_now().date()}

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> PriceList:
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        assert isinstance(found, PriceList)
        return found


def _standing(version: TierVersion, today: Any) -> Any:
    if version.is_offered(as_of=today):
        return _("offered")
    return _("to come") if version.offered_from > today else _("not offered any more")


def _may_price(request: HttpRequest) -> bool:
    return request.user.has_perm("tiers.change_pricelist")


def _flat(fields: tuple[Any, ...]) -> list[str]:
    return [name for each in fields for name in (each if isinstance(each, tuple) else (each,))]
