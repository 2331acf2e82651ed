"""Whether everything is safe, in one sentence: the first thing that the first page says."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.collection.models import Collection, State
from apps.evidence.models import Holdings
from apps.facilities.models import Facility
from apps.vault.models import Pack
from apps.vault.standing import damaged_packs

SLOW_COPY = timedelta(minutes=15)
COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Safety:
    """`tone`: success, info, warning or danger. Counts beyond COUNTED are not told apart."""

    tone: str
    sentence: str
    damaged: int
    late: int
    waiting_packs: int


def safety_of(facility: Facility, holdings: Holdings, *, now: datetime) -> Safety:
    """How a facility's images stand."""
    damaged = damaged_packs(facility)
    waiting = Pack.objects.filter(facility=facility, replicated_at=None)[:COUNTED].count()
    received = Collection.objects.filter(facility=facility, state=State.RECEIVED, received_at__lt=now - SLOW_COPY)
    late = received[:COUNTED].count()
    return Safety(*_told(holdings, damaged, late, waiting), damaged, late, waiting)


def _told(holdings: Holdings, damaged: int, late: int, waiting: int) -> tuple[str, str]:
    if damaged:
        text = ngettext(
            "One package of images is damaged in a copy. The center is repairing it and keeps you informed.",
            "%(count)s packages of images are damaged in a copy. The center is repairing them and keeps you informed.",
            damaged,
        )
        return "danger", text % {"count": damaged}
    if not holdings.packs:
        return "info", _("Nothing is stored yet. Everything is ready to receive your first images.")
    if late:
        return "warning", _("Everything you gave us is stored. The second copy of the newest images is late.")
    if waiting:
        return "success", _("Everything you gave us is stored. The newest images are being copied to the second place.")
    text = ngettext(
        "Everything is safe: your study is stored and verified in two places.",
        "Everything is safe: all %(count)s studies are stored and verified in two places.",
        holdings.studies,
    )
    return "success", text % {"count": intcomma(holdings.studies)}
