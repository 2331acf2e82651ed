"""Fetching receipts that the center gave since the last time."""

from medvault_edge.center import Center
from medvault_edge.errors import Refused
from medvault_edge.handing_over import keep
from medvault_edge.receipts import Receipt
from medvault_edge.state import Facility, State


def fetch_receipts(state: State, facility: Facility) -> list[Receipt]:
    """Fetch, verify and keep; the cursor moves on only behind what was kept. Raises EdgeError."""
    kept: list[Receipt] = []
    cursor = facility.cursor
    with Center(state.device().center_url, facility.token) as center:
        while True:
            page = center.receipts_after(facility.slug, cursor)
            kept += [keep(state, each["jws"], facility.slug) for each in page.get("receipts", [])]
            following = str(page.get("next") or "")
            if not page.get("receipts") or following == cursor:
                return kept
            if not following:
                raise Refused("The center gives no cursor")
            cursor = following
            state.set_cursor(facility.slug, cursor)
