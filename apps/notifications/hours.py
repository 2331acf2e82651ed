"""When a person's e-mail may come. Pure: moments in the reader's own time zone in, a moment out."""

from datetime import datetime, time, timedelta

from apps.notifications.models import ReadingHours


def letter_due_at(now: datetime, hours: ReadingHours | None, *, is_urgent: bool) -> datetime:
    """When a letter of `now`, a moment in the reader's time zone, is to go: at once, with the daily digest, or when the
    quiet hours end.
    """
    if hours is None or is_urgent:
        return now
    if hours.digest_at:
        return _next(now, hours.digest_at)
    if hours.quiet_from and hours.quiet_until and _is_within(now.time(), hours.quiet_from, hours.quiet_until):
        return _next(now, hours.quiet_until)
    return now


def _is_within(now: time, start: time, end: time) -> bool:
    """Quiet hours may pass midnight."""
    return start <= now < end if start <= end else now >= start or now < end


def _next(now: datetime, at: time) -> datetime:
    """By the wall clock: a day on which clocks change is longer or shorter."""
    found = datetime.combine(now.date(), at, now.tzinfo)
    return found if found > now else datetime.combine(now.date() + timedelta(days=1), at, now.tzinfo)
