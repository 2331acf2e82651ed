"""Terminals that people are told of: late, full soon, or in need of more visits. Run often, it tells each once."""

from datetime import datetime, timedelta

from django.urls import reverse

from apps.collection.models import Terminal
from apps.collection.overdue import Neglect, neglected
from apps.collection.schedule import Outlook, outlooks
from apps.collection.telling import path_of
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell

FULL_WITHIN = timedelta(days=14)
AT_A_TIME = 500


def watch_terminals(*, now: datetime) -> None:
    """Look at every terminal in use, some in a transaction."""
    last = 0
    while True:
        with as_center():
            in_use = Terminal.objects.filter(retired_at=None, pk__gt=last).select_related("facility").order_by("pk")
            terminals = list(in_use[:AT_A_TIME])
            if not terminals:
                return
            found = outlooks(terminals, as_of=now)
            for outlook in found:
                _tell_of_growth(outlook)
            for neglect in neglected(found, now=now):
                if neglect.is_pressing:
                    _tell_of_delay(neglect)
        last = terminals[-1].pk


def _tell_of_growth(outlook: Outlook) -> None:
    terminal, full_on = outlook.terminal, outlook.forecast.full_on if outlook.forecast else None
    if full_on and full_on - outlook.today <= FULL_WITHIN:
        # A forecast moves by days; of the same week it is the same news.
        tell(Kind.TERMINAL_FULL_SOON, facility=terminal.facility_id, about=("terminal", terminal.pk), due_on=full_on,
             path=path_of(terminal), occasion=f"{full_on:%G-W%V}",
             facts={"terminal": terminal.name, "full_on": full_on.isoformat()})  # fmt: skip
    if outlook.proposed_days:
        path = reverse("portal:plan", kwargs={"facility_slug": terminal.facility.slug})
        tell(Kind.MORE_VISITS_PROPOSED, facility=terminal.facility_id, about=("terminal", terminal.pk), path=path,
             occasion=f"{outlook.today:%Y-%m}",
             facts={"terminal": terminal.name, "days": outlook.proposed_days})  # fmt: skip


def _tell_of_delay(neglect: Neglect) -> None:
    outlook, terminal = neglect.outlook, neglect.outlook.terminal
    since = outlook.next_visit_on if neglect.visit_late_days else outlook.last_transfer_at
    occasion, facts = f"since {since}"[:64], {"terminal": terminal.name}
    about = ("terminal", terminal.pk)
    tell(Kind.COLLECTION_LATE, facility=terminal.facility_id, about=about, path=path_of(terminal), occasion=occasion,
         facts=facts)  # fmt: skip
    tell(Kind.STAFF_COLLECTION_LATE, facility=terminal.facility_id, about=about, occasion=occasion, facts=facts,
         path=reverse("admin:collection_overdue"))  # fmt: skip
