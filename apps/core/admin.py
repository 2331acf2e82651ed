"""What every page of the center's workplace shares: readable, bounded, and nothing deletable."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any, ClassVar

from django.contrib.admin import ShowFacets, SimpleListFilter
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.dataclasses import UnfoldAction
from unfold.decorators import display

from apps.core.shown import moment

ROWS_OF_A_TABLE = 100
KEPT_SEARCHES = 20
_SEARCHES = "workplace_searches"
_EXACTLY = re.compile(r"(__id)?(__exact|__in|__isnull)?\Z")


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than anybody pages: COUNT(*) of a million rows costs more than the page it stands on."""

    MOST: ClassVar[int] = 10_000
    template_name = "admin/bounded_pagination.html"

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        assert isinstance(rows, QuerySet)
        return rows.order_by().values("pk")[: self.MOST].count()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that belong to the object of a page; `more` is the address of the whole list."""

    title: Any
    headers: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    more: str = ""


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """Rows that staff read. Only a subclass makes some addable or changeable; none makes any deletable."""

    actions = None
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # a COUNT for each value of each filter
    ordering: ClassVar[Sequence[str]] = ["-pk"]
    change_form_outer_after_template = "admin/tables.html"
    list_before_template = "admin/saved_filters.html"
    when_empty: Any = ""  # what appears in the list, and when
    linked_by: ClassVar[Sequence[str]] = ()  # further fields that other pages narrow the list down by

    class Media:
        css = {"all": ("css/records.css",)}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """The fields of `list_filter` and `linked_by`, as they are. Any other lookup in an address would guess at
        secrets a character at a time, or put patient data there.
        """
        filters = [entry[0] if isinstance(entry, tuple) else entry for entry in self.get_list_filter(request)]
        names = {getattr(entry, "parameter_name", entry) for entry in filters} | set(self.linked_by)
        return _EXACTLY.sub("", lookup) in names

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A search is posted and kept in the session: terms name patients, and addresses must not."""
        if request.method == "POST" and SEARCH_VAR in request.POST:
            query = request.GET.copy()
            for stale in (SEARCH_VAR, PAGE_VAR):
                query.pop(stale, None)
            if term := request.POST[SEARCH_VAR].strip():
                query[SEARCH_VAR] = keep_term(request, term)
            return redirect(f"{request.path}?{query.urlencode()}")
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        changelist.searched_for = kept_term(request, changelist.query)
        return changelist

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows of which a field of `search_fields` equals the term that `search_term` is the key of.

        One query a field, united: the planner uses no index for an OR that spans tables.
        """
        fields = self.get_search_fields(request)
        if not (fields and (term := kept_term(request, search_term))):
            return queryset, False
        found = [self.model._default_manager.filter(**{field: term}).values("pk") for field in fields]
        return queryset.filter(pk__in=reduce(lambda left, right: left.union(right), found)), False

    def can_act_on(self, obj: Any) -> bool:
        """Whether the page of `obj` offers the actions of `actions_detail` to those who may."""
        return True

    def offers(self, act: str, obj: Any) -> bool:
        """Whether the page of `obj` offers this one of the actions to those who may."""
        return self.can_act_on(obj)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        offered: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        obj = self.get_object(request, object_id) if offered else None
        return [each for each in offered if obj is not None and self.offers(each.path, obj)]

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """The object that an action is about. Raises Http404."""
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        return obj

    def tables(self, obj: Any) -> list[Table]:
        """What the page of `obj` shows below its fields."""
        return []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        context["tables"] = [] if obj is None else self.tables(obj)
        response: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **kwargs)
        return response

    @display(description=_("SHA-256"))  # type: ignore[untyped-decorator]
    def digest(self, obj: Any) -> SafeString:
        return format_html('<span style="overflow-wrap: anywhere">{}</span>', bytes(obj.sha256).hex())

    @display(description=_("size"), ordering="size_bytes")  # type: ignore[untyped-decorator]
    def size(self, obj: Any) -> str:
        return filesizeformat(obj.size_bytes)

    @display(description=_("length"), ordering="length_bytes")  # type: ignore[untyped-decorator]
    def length(self, obj: Any) -> str:
        return filesizeformat(obj.length_bytes)


class TenantAdmin(ReadOnlyAdmin):
    """Rows of facilities."""

    list_select_related: ClassVar[Sequence[str]] = ["facility"]
    list_filter: ClassVar[Sequence[Any]] = [("facility", RelatedDropdownFilter)]
    list_filter_submit = True


class HappenedFilter(SimpleListFilter):
    """Rows whose `field`, a time, is set or not: whether something has happened."""

    field: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("yes")), ("no", _("no"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset.filter(**{f"{self.field}__isnull": self.value() == "no"})


def keep_term(request: HttpRequest, term: str) -> str:
    """The key that stands for the term in addresses."""
    recent = dict(list(request.session.get(_SEARCHES, {}).items())[-KEPT_SEARCHES + 1 :])
    key = secrets.token_urlsafe(6)
    request.session[_SEARCHES] = recent | {key: term}
    return key


def kept_term(request: HttpRequest, key: str) -> str:
    """The term of a key, '' where the session knows none."""
    return str(request.session.get(_SEARCHES, {}).get(key, ""))


def facts_of(facts: Mapping[str, Any]) -> SafeString:
    """What a row keeps as names and values, one a line."""
    lines = [(name.replace("_", " "), _plain(value)) for name, value in facts.items()]
    return format_html_join("", "<div><b>{}</b>: {}</div>", lines) or SafeString("-")


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "-"
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    return "-" if value in {None, ""} else str(value)


def minute(at: datetime | None) -> str:
    """A time in a table of a page, to the minute."""
    return moment(at) if at else "-"


def page_of(obj: Model) -> str:
    """The address of the page of `obj`."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


def link_to(obj: Model, text: object = "") -> SafeString:
    """A link to the page of `obj`."""
    return link(page_of(obj), text or obj)


def link(address: str, text: object) -> SafeString:
    """A link that looks like those of lists; in the dark it is static/css/workplace.css that makes it readable."""
    return format_html('<a class="text-primary-600" href="{}">{}</a>', address, text)


def to_page(request: HttpRequest, obj: Model) -> HttpResponse:
    """Leave a dialog for the page that it was opened on, such as a queue; one that is no dialog for that of `obj`.

    Dialogs are htmx's, which would load a redirect into the dialog.
    """
    htmx = getattr(request, "htmx", None)
    if htmx:
        return HttpResponseClientRedirect(htmx.current_url_abs_path or page_of(obj))
    return redirect(page_of(obj))


def list_of(model: type[Model], **lookups: str | int) -> str:
    """The address of the list of `model`, narrowed down to `lookups`."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode(lookups)}" if lookups else address
