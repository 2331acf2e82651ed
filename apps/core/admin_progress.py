"""How far long work is, on pages of the workplace that follow it."""

from django.db.models import Model
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import page_of
from apps.core.how_far import HowFar, in_words

EVERY = "every 5s"


def live(obj: Model, how_far: HowFar | None) -> SafeString | str:
    """A bar on the page of `obj`, asked for anew until the work has ended."""
    if how_far is None:
        return "-"
    counts = f"{how_far.done:,} / {how_far.total:,}" if how_far.total else f"{how_far.done:,}"
    percent = "" if how_far.percent is None else f"{how_far.percent} %"
    told = " · ".join(filter(None, [percent, counts, in_words(how_far.left(now=timezone.now()))]))
    value = "" if how_far.percent is None else format_html(' value="{}"', how_far.percent)
    return format_html(
        '<span id="progress" hx-get="{}" hx-select="#progress" hx-swap="outerHTML" hx-trigger="{}">'
        '<progress max="100" aria-label="{}"{}></progress> <span>{}</span></span>',
        page_of(obj), EVERY, percent or counts, value, told,
    )  # fmt: skip
