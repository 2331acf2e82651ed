"""Nothing jumps: how far the parts of a page shift while it loads, and while the server renews parts of it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.models import Study
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.models import Order
from apps.orders.producing import produce_due
from apps.orders.working import accept, dispatch, start_production
from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.orders.stories import may_order, now
from tests.portal.plans import sell

MOST = 0.05
"""Of which nobody takes notice; 0.1 still counts as good (web.dev/cls)."""
OBSERVE = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifts.push([each.startTime, each.value]);
  }).observe({ type: "layout-shift", buffered: true });
"""
WORST = """() => {
  let [worst, sum, begun, last] = [0, 0, 0, -Infinity];
  for (const [at, value] of window.shifts) {
    if (at - last > 1000 || at - begun > 5000) [sum, begun] = [0, at];
    [sum, last] = [sum + value, at];
    worst = Math.max(worst, sum);
  }
  return worst;
}"""
"""The largest sum of a session window, as Cumulative Layout Shift is defined."""


def shifted(page: Page, path: str) -> float:
    page.goto(path, wait_until="networkidle")
    return float(page.evaluate(WORST))


def test_pages_stay_where_they_are_while_they_load(clinic: Facility, visit: Callable[..., Visit]) -> None:
    may_order(clinic)
    sell(but="monthly")  # which is sold already
    with as_facility(clinic):
        study = Study.objects.get(study_instance_uid="2.25.1").pk
    paths = [
        "/f/sakura/",
        "/f/sakura/studies/",
        f"/f/sakura/studies/{study}/",
        "/f/sakura/orders/new",
        "/f/sakura/plan/",
    ]
    found: dict[tuple[str, tuple[int, int]], float] = {}
    for size in (DESKTOP, PHONE):
        window = visit(size=size)
        window.context.add_init_script(OBSERVE)
        window.sign_in()
        window.page.goto(paths[1])
        window.page.get_by_label("Choose Abe, Ren").check()
        window.page.get_by_role("button", name="Order the chosen").click()
        found |= {(path, size): shifted(window.page, path) for path in paths}
    assert {where: worst for where, worst in found.items() if worst >= MOST} == {}


def test_an_order_stays_where_it_is_while_it_is_worked_on(
    clinic: Facility, visit: Callable[..., Visit], person: Callable[..., User]
) -> None:
    may_order(clinic)
    staff = person("staff@center.example", is_staff=True)
    window = visit()
    window.context.add_init_script(OBSERVE)
    window.sign_in()
    page = window.page
    page.goto("/f/sakura/studies/")
    page.get_by_label("Choose Abe, Ren").check()
    page.get_by_role("button", name="Order the chosen").click()
    page.get_by_role("radio", name="Download").check()
    page.get_by_role("button", name="Get the quote").click()
    page.get_by_role("button", name="Order for").click()
    standing = page.locator("#standing")
    expect(standing).to_contain_text("The center has your order")
    with as_center():
        order = Order.objects.get()
        accept(order, by=staff, actor=SYSTEM, now=now())
    expect(standing).to_contain_text("has taken your order on")
    with as_center():
        start_production(order, by=staff, actor=SYSTEM, now=now())
    expect(standing).to_contain_text("It is being produced")
    assert produce_due() == 1
    expect(standing).to_contain_text("It was produced, read back")
    with as_center():
        dispatch(order, by=staff, actor=SYSTEM, now=now())
    expect(standing).to_contain_text("Your files lie ready")
    assert page.evaluate(WORST) < MOST
