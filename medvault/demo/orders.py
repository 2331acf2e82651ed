"""Orders of the demonstration: to fetch, to share by a link, a disc to burn, urgent, to print, and only quoted."""

from datetime import datetime

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.catalog.models import Study
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.choosing import Choice
from apps.orders.models import Order, OrderKind, State
from apps.orders.ordering import draw_up, request
from apps.orders.producing import produce_due
from apps.orders.talking import write
from apps.orders.working import accept, dispatch, start_production


def seed_orders(facility: Facility, *, owner: str, operator: str, now: datetime) -> None:
    """Orders of the facility's latest studies, through their verbs. What is there already is left as it is."""
    clinic, center = User.objects.get(email=owner), User.objects.get(email=operator)
    by_clinic, by_center = Actor("user", str(clinic.pk)), Actor("user", str(center.pk))
    with as_facility(facility):
        if Order.objects.filter(facility=facility).exists():
            return
        studies = Study.objects.filter(facility=facility).order_by("-sort_date", "-pk")[:6]
        choices = [Choice(study.study_instance_uid) for study in studies]
        download, share, medium = OrderKind.DOWNLOAD, OrderKind.SHARE, OrderKind.MEDIUM
        wanted = (
            (download, choices[:2], False), (share, choices[:1], False), (medium, choices[2:3], False),
            (download, choices[3:5], True), (OrderKind.FILM, choices[1:2], False), (download, choices, False),
        )  # fmt: skip
        fetched, shared, disc, urgent, printed, _quoted = (
            draw_up(facility, kind, each, is_urgent=is_urgent, actor=by_clinic, now=now, by=clinic)
            for kind, each, is_urgent in wanted
        )
        for order in (fetched, shared, disc, urgent, printed):
            request(order, actor=by_clinic, now=now, by=clinic)
        write(disc, text="The surgeon would like to have it before Friday.", by=clinic, is_from_center=False,
              actor=by_clinic, now=now)  # fmt: skip
    with as_center():
        for order in (fetched, shared, disc):
            accept(order, by=center, actor=by_center, now=now)
        write(disc, text="It is in the post tomorrow morning.", by=center, is_from_center=True, actor=by_center,
              now=now)  # fmt: skip
        for order in (fetched, shared, disc):
            start_production(order, by=center, actor=by_center, now=now)
    produce_due()
    with as_center():
        for order in Order.objects.filter(pk__in=[fetched.pk, shared.pk], state=State.READY):
            dispatch(order, by=center, actor=by_center, now=database_now())
