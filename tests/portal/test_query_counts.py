"""A page asks the database as often for many as for one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.models import Study
from apps.collection.models import Terminal
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import issue_token
from apps.facilities.urls import urlpatterns as of_facilities
from apps.orders.models import Order
from apps.portal.urls import urlpatterns as of_portal
from apps.retention.assessing import assess_pending
from tests.billing.stories import invoice_of
from tests.facilities.test_urls import RIGHTS
from tests.orders.stories import quoted
from tests.portal.pages import dicom, queries_of, store, url

MOST_QUERIES = {"": 55}
"""Of the overview, which asks of everything there is; of each other page 40."""
PAGES = sorted(
    str(pattern.pattern)
    for space, patterns in (("portal", of_portal), ("facilities", of_facilities))
    for pattern in patterns
    if "<" not in str(pattern.pattern) and any(right.method == "get" for right in RIGHTS[f"{space}:{pattern.name}"])
)
LEADS_ELSEWHERE = {"invoices/card/entered", "ohif/"}


def furnish(facility: Facility, person: Callable[..., User], round_number: int, count: int) -> Order:
    """So many of everything that pages list, and an order of all studies."""
    numbers = range(100 * round_number, 100 * round_number + count)
    for number in numbers:
        store(facility, dicom(number, StudyDescription=f"Head {number}"), dicom(number, 2)[:-200])
        store(facility, dicom(number, StudyDescription="Head, exported"))
        person(f"{number}@example.org", **{facility.slug: Role.VIEWER})
        issue_token(facility, label=f"CT {number}", scopes=[Scope.STORE], actor=SYSTEM)
        invoice_of(facility)
        with as_center():
            Terminal.objects.create(facility=facility, name=f"Room {number}", visit_every_days=30)
    replicate_pending()
    assess_pending()
    return quoted(facility)


def asked(owner: Client, pages: list[str], order: Order) -> dict[str, int]:
    """By each page, the order's too, with all of its studies in the order form."""
    with as_facility(order.facility_id):
        owner.post(url("choose"), {"chosen": Study.objects.values_list("pk", flat=True)})
    return {page: queries_of(owner, page) for page in pages} | {
        "order": queries_of(owner, url("order", order_id=order.pk))
    }


@pytest.mark.django_db
def test_many_rows_cost_no_more_questions(
    sakura: Facility, person: Callable[..., User], signed_in: Callable[..., Client], settings: Any
) -> None:
    owner = signed_in("mori@example.org", sakura=Role.OWNER)
    pages = [url("dashboard") + page for page in PAGES if page not in LEADS_ELSEWHERE]
    assert len(pages) > 12
    few = asked(owner, pages, furnish(sakura, person, 1, 1))
    many = asked(owner, pages, furnish(sakura, person, 2, 8))
    assert {page: (few[page], count) for page, count in many.items() if count > few[page]} == {}
    most = {page: MOST_QUERIES.get(page.removeprefix(url("dashboard")), 40) for page in many}
    assert {page: count for page, count in many.items() if count > most[page]} == {}
