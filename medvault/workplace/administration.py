"""The machine itself: work that failed, damage, copies and readings that are late, tokens that end, the clock."""

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.audit.models import FailedTask
from apps.core.admin import list_of, page_of
from apps.facilities.models import DeviceToken
from apps.retention.ending import sweeping
from apps.vault.models import Finding, Pack
from apps.vault.standing import not_read_in_time
from medvault.workplace import waiting
from medvault.workplace.queues import Act, Named, Queue, Row, act, open_page

MAY_REPEAT, MAY_REVOKE = "audit.change_failedtask", "facilities.change_devicetoken"


def queues(now: datetime) -> list[Queue]:
    """The administrators' queues."""
    return [_failures(), _clock(now), _findings(), _uncopied(now), _unread(now), _tokens(now)]


def _failures() -> Queue:
    def row(failed: FailedTask) -> Row:
        about = ngettext("once, at %(place)s", "%(times)d times, at %(place)s", failed.times)
        about %= {"times": failed.times, "place": failed.place or "-"}
        acts = [act(_("Do it again"), failed, "repeat", MAY_REPEAT)] if failed.is_repeatable else []
        acts.append(act(_("It is settled"), failed, "settle", MAY_REPEAT))
        return Row(
            title=f"{failed.name}: {failed.error}", href=page_of(failed), about=failed.message or about,
            since=failed.first_failed_at, is_late=failed.times > 1, acts=acts,
        )  # fmt: skip

    named = Named("failed-tasks", gettext_lazy("Failed tasks"), "error", list_of(FailedTask, resolved="no"),
                  gettext_lazy("All background work succeeds."))  # fmt: skip
    return named.of(waiting.failures(), row)


def _clock(now: datetime) -> Queue:
    def rows() -> Iterator[Row]:
        standing, page = sweeping(now), reverse("admin:retention_ending")
        look = [Act(_("Look"), page, is_dialog=False)]
        if standing.obstacle:
            yield Row(title=_("Nothing is deleted"), href=page, about=standing.obstacle, is_late=True, acts=look)
        if standing.is_late:
            yield Row(title=_("The sweep is late"), href=page, about=_("Are the worker and beat running?"),
                      since=standing.at, is_late=True, acts=look)  # fmt: skip

    named = Named("clock", gettext_lazy("Clock and sweep"), "schedule", reverse("admin:retention_ending"),
                  gettext_lazy("The clocks agree, and what ends is looked through daily."))  # fmt: skip
    return named.of_rows(rows())


def _findings() -> Queue:
    def row(finding: Finding) -> Row:
        about = f"{finding.get_place_display()}: {finding.get_damage_display()}"
        return Row(
            title=f"#{finding.pk}", href=page_of(finding), facility=finding.facility,
            about=f"{about}; {finding.get_obstacle_display()}" if finding.obstacle else about,
            since=finding.found_at, is_late=bool(finding.obstacle), acts=[open_page(_("Open"), finding)],
        )  # fmt: skip

    named = Named("findings", gettext_lazy("Damaged copies"), "healing", list_of(Finding, resolved="no"),
                  gettext_lazy("Every copy that was read is what was stored."))  # fmt: skip
    return named.of(waiting.findings().select_related("facility"), row)


def _uncopied(now: datetime) -> Queue:
    named = Named("uncopied", gettext_lazy("Second copies that are late"), "content_copy",
                  list_of(Pack, replicated="no"),
                  gettext_lazy("Everything older than an hour is in two places."))  # fmt: skip
    return named.of(waiting.uncopied(now).select_related("facility"), lambda pack: _pack(pack, pack.created_at))


def _unread(now: datetime) -> Queue:
    late = not_read_in_time(now).order_by("pk").select_related("facility")
    named = Named("unread", gettext_lazy("Packs not read again in time"), "policy", list_of(Pack, in_time="no"),
                  gettext_lazy("Every pack is read again as often as promised."))  # fmt: skip
    return named.of(late, lambda pack: _pack(pack, pack.checked_at or pack.created_at))


def _pack(pack: Pack, since: datetime) -> Row:
    return Row(title=f"#{pack.pk}", href=page_of(pack), facility=pack.facility, about=pack.name, since=since,
               is_late=True, acts=[open_page(_("Open"), pack)])  # fmt: skip


def _tokens(now: datetime) -> Queue:
    def row(token: DeviceToken) -> Row:
        acts = [] if token.revoked_at else [act(_("Revoke"), token, "revoke", MAY_REVOKE)]
        has_ended = token.expires_at is not None and token.expires_at <= now
        return Row(
            title=token, href=page_of(token), facility=token.facility,
            about=_("revoked") if token.revoked_at else ", ".join(token.scopes), since=token.revoked_at,
            due=None if token.revoked_at else token.expires_at, is_late=has_ended, acts=acts,
        )  # fmt: skip

    named = Named("tokens", gettext_lazy("Tokens that end, or were revoked"), "key", list_of(DeviceToken),
                  gettext_lazy("No device loses its key within two weeks."))  # fmt: skip
    return named.of(waiting.ending_tokens(now).select_related("facility"), row)
