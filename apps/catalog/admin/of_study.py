"""What rows about a study share: they link to it, and name no patient."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.catalog.models import Study
from apps.core.admin import link_to
from apps.core.shown import day
from apps.facilities.admin import AuditedTenantAdmin


class OfStudyAdmin(AuditedTenantAdmin):
    """Rows about a study, in lists that name no patient."""

    linked_by: ClassVar[Sequence[str]] = ("study",)
    list_select_related: ClassVar[Sequence[str]] = ("facility", "study")

    @display(description=_("study"))  # type: ignore[untyped-decorator]
    def of_study(self, obj: Any) -> SafeString:
        return link_to(obj.study, study_in_words(obj.study))


def study_in_words(study: Study) -> str:
    """What a list that is no patient's calls a study: `#12 CT 2026-03-05`."""
    on = day(study.study_date) if study.study_date else _("no date")
    return " ".join(map(str, [f"#{study.pk}", *study.modalities_in_study, on]))
