"""Rules of the tables, checked for every model there is."""

from collections.abc import Iterator, Sequence

import psycopg
import pytest
from django.apps import apps
from django.db import models

from apps.facilities.models import Facility, TenantModel

ORDER = [
    "core",
    "audit",
    "accounts",
    "facilities",
    "notifications",
    "tiers",
    "contracts",
    "vault",
    "catalog",
    "collection",
    "retention",
    "orders",
    "billing",
    "evidence",
    "dicomweb",
    "dicomnet",
    "api",
    "portal",
]
OURS = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
TENANTS = [model for model in OURS if issubclass(model, TenantModel) and not model._meta.proxy]
# Digests of random secrets, looked up before the facility is known; nobody chooses them, so they betray nothing.
SECRETS = {"secret_sha256", "token_sha256"}
# Who is calling is decided before the facility is known. The center alone registers callers, so nothing is betrayed.
# Invoices are numbered by the center alone, too.
OF_THE_CENTER = {"terminal_by_ae_and_address", "terminal_by_certificate", "invoice_number_of_issuer"}


def names(found: Sequence[type[models.Model]]) -> list[str]:
    return [model._meta.label for model in found]


def foreign_keys(model: type[models.Model]) -> Iterator[models.ForeignKey]:
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            yield field


@pytest.mark.parametrize("model", OURS, ids=names(OURS))
def test_foreign_keys_point_downwards(model: type[models.Model]) -> None:
    for key in foreign_keys(model):
        target = key.related_model._meta.app_label
        if target in ORDER:
            assert ORDER.index(target) <= ORDER.index(model._meta.app_label), key


@pytest.mark.parametrize("model", OURS, ids=names(OURS))
def test_what_points_to_a_facility_is_a_tenants(model: type[models.Model]) -> None:
    if any(key.related_model is Facility for key in foreign_keys(model)):
        assert issubclass(model, TenantModel)


@pytest.mark.parametrize("model", TENANTS, ids=names(TENANTS))
def test_rows_are_isolated_by_the_database(
    model: type[TenantModel], db: None, superuser_sql: psycopg.Connection
) -> None:
    table = model._meta.db_table
    flags = superuser_sql.execute(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [table]
    ).fetchone()
    assert flags == (True, True)
    policies = superuser_sql.execute(
        "SELECT roles::text[], qual, with_check FROM pg_policies WHERE tablename = %s AND policyname = 'facility_rows'",
        [table],
    ).fetchall()
    assert len(policies) == 1
    roles, qual, check = policies[0]
    assert roles == ["medvault_facility"]
    assert qual == check
    assert "facility_id = (NULLIF(current_setting('medvault.facility'::text, true)" in qual
    assert not model._meta.get_field("facility").null


@pytest.mark.parametrize("model", TENANTS, ids=names(TENANTS))
def test_children_belong_to_their_parents_facility(
    model: type[TenantModel], db: None, superuser_sql: psycopg.Connection
) -> None:
    for key in foreign_keys(model):
        if not issubclass(key.related_model, TenantModel):
            continue
        found = superuser_sql.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass",
            [model._meta.db_table],
        ).fetchall()
        wanted = (
            f"FOREIGN KEY (facility_id, {key.column}) REFERENCES {key.related_model._meta.db_table}(facility_id, id)"
        )
        assert any(definition.startswith(wanted) for (definition,) in found), key
        assert not any(definition.startswith(f"FOREIGN KEY ({key.column})") for (definition,) in found), key


@pytest.mark.parametrize("model", TENANTS, ids=names(TENANTS))
def test_unique_keys_start_with_the_facility(model: type[models.Model]) -> None:
    for field in model._meta.concrete_fields:
        if not (field.primary_key or isinstance(field, models.OneToOneField) or field.name in SECRETS):
            assert not field.unique, field
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and constraint.name not in OF_THE_CENTER:
            first = constraint.fields[0] if constraint.fields else str(constraint.expressions[0])
            assert "facility" in first, constraint.name


def test_tables_that_are_not_a_facilitys_are_known() -> None:
    """A new table without a facility is a decision: name it here."""
    others = {model._meta.label for model in OURS if model not in TENANTS and not model._meta.proxy}
    assert others == {
        *(
            "audit.Event",
            "audit.FailedTask",
            "accounts.User",
            "accounts.SavedFilter",
            "facilities.Facility",
            "collection.Collector",
            "retention.Rule",
        ),
        *("tiers.Tier", "tiers.TierVersion", "tiers.PriceList", "tiers.Price"),
        *("billing.Issuer", "billing.Counter", "billing.Halt", "billing.WebhookEvent", "billing.BankTransaction"),
        "orders.Printer",
        *(f"notifications.{name}" for name in ("Notification", "Entry", "Letter", "Preference", "ReadingHours")),
    }
