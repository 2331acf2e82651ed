"""The simulator: twelve months of history under five tiers."""

import os
import time
from datetime import date
from decimal import Decimal
from statistics import median

from rich.console import Console
from rich.table import Table

ROUNDS = 20
CASES = [(10, 20), (100, 2_000)]  # studies a day, films a month
console = Console(width=110)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
    import django

    django.setup()
    table = Table("Clinic", "simulated and chosen", title="Simulator, 12 months x 5 tiers (promised: 300 ms)")
    for studies, films in CASES:
        took = median(_took(studies, films) for _ in range(ROUNDS))
        table.add_row(f"{studies} studies a day, {films:,} films a month", f"{took * 1000:,.0f} ms")
    console.print(table)


def _took(studies: int, films: int) -> float:
    from apps.billing.estimating import Estimate, estimated
    from apps.billing.rating import Priced, Terms
    from apps.billing.simulating import Offer, best, simulate
    from apps.tiers.models import Frequency, Item

    prices = {item.value: Priced(Decimal("12.5"), Decimal(1)) for item in Item}
    offers = [
        Offer(number, Terms(1, date(2020, 1, 1), each, prices), each, ["visit", "online"])
        for number, each in enumerate(list(Frequency)[1:])
    ]
    estimate = Estimate(studies_a_day=studies, mb_a_study=Decimal(200), films_a_month=films)
    history = estimated(estimate, until=date(2026, 5, 1), months=12)
    started = time.perf_counter()
    best(simulate(history, offers, currency="JPY", room_days=20), urgency=7, budget=Decimal(50_000))
    return time.perf_counter() - started
