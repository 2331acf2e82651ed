"""A monthly run of 10,000 contracts with 12 charges each, beside few and many packs: python -m … MONTH runs it."""

import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import psycopg
from rich.console import Console
from rich.table import Table

CONTRACTS = 10_000
CHARGES = 12
PACKS = [10_000, 5_000_000]
MONTHS = [date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)]
console = Console(width=110)

# Everything that a contract is charged for in each of the months: a base fee, eight visits, storage in both units, and
# an extension.
_ROWS = [
    """
    INSERT INTO facilities_facility (slug, name, kind, country, subdivision, address, receipts_to, time_zone,
        language, created_at)
    SELECT 'clinic-' || n, 'Clinic ' || n, 'clinic', 'JP', '', '', '', 'Asia/Tokyo', 'ja', now()
    FROM generate_series(1, %(contracts)s) n
    """,
    """
    INSERT INTO billing_issuer (name, address, country, vat_id, registration_number, email, bank_name, bank_account,
        bic, prefix) VALUES ('Center', '', 'JP', '', 'T1234567890123', '', '', '', '', 'MV')
    """,
    """
    INSERT INTO billing_billingaccount (facility_id, legal_name, address, country, vat_id, email, issuer_id,
        payment_method, stripe_customer, stripe_payment_method, card_brand, card_last4)
    SELECT id, name, '', 'JP', '', '', (SELECT id FROM billing_issuer), 'transfer', '', '', '', ''
    FROM facilities_facility
    """,
    """
    INSERT INTO tiers_tier (code, name, summary, in_languages, position) VALUES ('bench', 'Bench', '', '{}', 0)
    """,
    """
    INSERT INTO tiers_tierversion (tier_id, number, offered_from, frequency, ways, response_hours, output_hours,
        urgent_output_hours, needs_approval)
    SELECT id, 1, '2026-01-01', 'on_request', '{visit}', 72, 48, 4, false FROM tiers_tier
    """,
    """
    INSERT INTO tiers_pricelist (tier_version_id, currency, effective_from, urgent_factor)
    SELECT id, 'JPY', '2026-01-01', 1 FROM tiers_tierversion
    """,
    """
    INSERT INTO tiers_price (price_list_id, item, unit_price, included)
    SELECT tiers_pricelist.id, item, 100, 0
    FROM tiers_pricelist, unnest('{base_fee,visit,storage_gb,storage_study,extension}'::text[]) item
    """,
    """
    INSERT INTO contracts_contract (facility_id, uid, state, currency, starts_on, created_at)
    SELECT id, gen_random_uuid(), 'active', 'JPY', '2026-01-01', now() FROM facilities_facility
    """,
    """
    INSERT INTO contracts_contractversion (facility_id, contract_id, number, effective_from, tier_version_id,
        price_list_id, minimum_term, notice_period, discount_percent, minimum_commitment, payment_days, dunning_days,
        on_expiry, notice_days, reminder_days, on_silence, minimum_period, charges_custody, agreed_at)
    SELECT facility_id, id, 1, starts_on, (SELECT id FROM tiers_tierversion), (SELECT id FROM tiers_pricelist),
        'P1Y', 'P3M', 0, 0, 30, '{}', 'notify', 60, '{}', 'keep', '', false, now()
    FROM contracts_contract
    """,
    """
    INSERT INTO collection_collection (facility_id, uid, method, state, opened_at, received_at, stored_count,
        duplicate_count, conflict_count, quarantined_count, skipped_count, size_bytes)
    SELECT id, gen_random_uuid(), 'visit', 'stored', at, at, 0, 0, 0, 0, 0, 0
    FROM facilities_facility, unnest(%(months)s::date[]) month, generate_series(1, 8) n,
        LATERAL (SELECT month + n * interval '3 days' AS at) moment
    """,
    """
    INSERT INTO retention_extension (facility_id, study_id, period, until, reason, extended_at)
    SELECT id, 1, 'P1Y', '2040-01-01', '', month + interval '9 days'
    FROM facilities_facility, unnest(%(months)s::date[]) month
    """,
    """
    INSERT INTO billing_storageentry (facility_id, at, delta_bytes, delta_studies)
    SELECT id, date '2026-03-31' + n * interval '1 day', 1000000000, 1
    FROM facilities_facility, generate_series(0, 120) n
    """,
]
_PACKS = """
    INSERT INTO vault_pack (facility_id, name, kind, size_bytes, sha256, file_count, created_at)
    SELECT (SELECT min(id) FROM facilities_facility) + n %% %(contracts)s, 'pack-' || n, 'study', 1000, '', 1, now()
    FROM generate_series(%(first)s::int, %(last)s::int) n
"""


def main() -> None:
    from tests.benchmarks import database  # a process of a run has the home of the one that started it

    with database.started() as superuser:
        console.print(_measured(superuser))


def _measured(superuser: psycopg.Connection) -> Table:
    title = f"A run of {CONTRACTS:,} contracts with {CHARGES} charges each"
    headers = ("Packs stored", "processes", "seconds", "contracts a second", "of a core, in all", "peak memory of each")
    table = Table(*headers, title=title)
    superuser.execute("SET session_replication_role = replica")
    for statement in _ROWS:
        superuser.execute(statement, {"contracts": CONTRACTS, "months": MONTHS})
    stored, months = 0, iter(MONTHS)
    for packs in PACKS:
        superuser.execute(_PACKS, {"contracts": CONTRACTS, "first": stored + 1, "last": packs})
        stored = packs
        superuser.execute("VACUUM ANALYZE")
        for processes in (1, 2):
            superuser.execute("CHECKPOINT")
            month = next(months)
            seconds, busy, megabytes = _run(processes, month)
            _check(superuser, month)
            table.add_row(f"{packs:,}", f"{processes}", f"{seconds:.1f}", f"{CONTRACTS / seconds:,.0f}",
                          f"{busy:.1f} s", f"{megabytes:,.0f} MB")  # fmt: skip
    return table


def _run(processes: int, month: date) -> tuple[float, float, float]:
    """Seconds from the first one's start to the last one's end; those that they were busy; the most memory of one."""
    started = time.perf_counter()
    with ThreadPoolExecutor() as pool:
        told = list(pool.map(lambda _: _in_process(month), range(processes)))
    busy, peaks = zip(*told, strict=True)
    return time.perf_counter() - started, sum(busy), max(peaks)


def _in_process(month: date) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.billing", f"{month}"], check=True, stdout=subprocess.PIPE, text=True
    )
    busy, peak = done.stdout.split()
    return float(busy), float(peak)


def _check(superuser: psycopg.Connection, month: date) -> None:
    found = superuser.execute(
        "SELECT count(DISTINCT invoice.id), count(*) FROM billing_invoice invoice"
        " JOIN billing_charge charge ON charge.invoice_id = invoice.id WHERE period = %s AND state = 'draft'",
        [month],
    ).fetchone()
    assert found == (CONTRACTS, CONTRACTS * CHARGES), found


def run(month: date) -> tuple[float, float]:
    """A run in this process: the seconds that it was busy, and its peak memory in MB; its start included."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
    import django

    django.setup()
    from apps.billing.months import next_month
    from apps.billing.run import run_billing

    end = next_month(month)
    as_of = datetime(end.year, end.month, 1, tzinfo=UTC) + timedelta(days=2)
    run_billing(month, as_of=as_of)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    print(*run(date.fromisoformat(sys.argv[1])))
