"""Storage periods and their ends, where somebody must decide."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.catalog.models import Hold
from apps.core.admin import list_of, page_of
from apps.core.shown import day
from apps.retention.explaining import missing_in_words
from apps.retention.models import Correction, Disposition, Retention, State
from medvault.workplace import waiting
from medvault.workplace.queues import Named, Queue, Row, act, open_page

MAY_CORRECT, MAY_HOLD, MAY_END = "retention.change_correction", "catalog.change_hold", "retention.change_disposition"


def queues(now: datetime) -> list[Queue]:
    """The archivists' queues."""
    return [_stuck(), _corrections(), _holds(), _late_decisions(now), _unknown()]


def _stuck() -> Queue:
    def row(ending: Disposition) -> Row:
        return Row(
            title=f"#{ending.pk}", href=page_of(ending), facility=ending.facility, about=ending.problem,
            since=ending.approved_at, is_late=True, acts=[act(_("Try again"), ending, "try_again", MAY_END)],
        )  # fmt: skip

    named = Named("dispositions", gettext_lazy("Deletions with a problem"), "auto_delete",
                  list_of(Disposition, problem="yes"),
                  gettext_lazy("What was approved could be carried out."))  # fmt: skip
    return named.of(waiting.stuck_dispositions().select_related("facility"), row)


def _corrections() -> Queue:
    def row(correction: Correction) -> Row:
        about = _("until %(day)s, proposed by %(person)s") % {
            "day": day(correction.until),
            "person": correction.proposed_by,
        }
        return Row(
            title=f"#{correction.pk}", href=page_of(correction), facility=correction.facility, about=about,
            since=correction.proposed_at,
            acts=[
                act(_("Approve"), correction, "approve", MAY_CORRECT),
                act(_("Refuse"), correction, "refuse", MAY_CORRECT),
            ],
        )  # fmt: skip

    named = Named("corrections", gettext_lazy("Corrections to decide"), "edit_calendar",
                  list_of(Correction, decided="no"),
                  gettext_lazy("Nobody proposes to shorten a storage period."))  # fmt: skip
    return named.of(waiting.corrections().select_related("facility", "proposed_by"), row)


def _holds() -> Queue:
    def row(hold: Hold) -> Row:
        about = ", ".join(filter(None, (hold.get_kind_display(), hold.authority)))
        return Row(
            title=f"#{hold.pk}", href=page_of(hold), facility=hold.facility, about=about,
            since=hold.release_asked_at, acts=[act(_("Release"), hold, "release", MAY_HOLD)],
        )  # fmt: skip

    named = Named("holds", gettext_lazy("Holds to release"), "lock_open", list_of(Hold, released="no"),
                  gettext_lazy("Nobody asks for the release of a hold."))  # fmt: skip
    return named.of(waiting.holds_to_release().select_related("facility"), row)


def _late_decisions(now: datetime) -> Queue:
    def row(ending: Disposition) -> Row:
        return Row(
            title=f"#{ending.pk}", href=page_of(ending), facility=ending.facility,
            about=_("the storage period ended on %(day)s") % {"day": day(ending.kept_until)}, since=ending.notified_at,
            due=ending.decide_by, is_late=True, acts=[open_page(_("Open"), ending)],
        )  # fmt: skip

    named = Named("late-decisions", gettext_lazy("Facilities that have not decided"), "hourglass_bottom",
                  list_of(Disposition, state__exact=State.NOTIFIED.value),
                  gettext_lazy("No facility is late with its decisions."))  # fmt: skip
    return named.of(waiting.late_decisions(now).select_related("facility"), row)


def _unknown() -> Queue:
    def row(period: Retention) -> Row:
        return Row(
            title=f"#{period.study_id}", href=page_of(period), facility=period.facility,
            about=", ".join(missing_in_words(period.missing)), since=period.assessed_at,
            acts=[open_page(_("Open"), period)],
        )  # fmt: skip

    note = gettext_lazy("Such studies never expire. Their facilities are asked for what is missing.")
    named = Named("unknown-periods", gettext_lazy("Storage periods unknown"), "event_busy",
                  list_of(Retention, ends="unknown"),
                  gettext_lazy("Every study's storage period is known."), note=note)  # fmt: skip
    return named.of(waiting.unknown_periods().select_related("facility"), row)
