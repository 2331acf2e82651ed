"""The invoices of the demonstration."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.billing.documents import make_documents
from apps.billing.models import BillingAccount, Invoice, Issuer, State
from apps.billing.taxes import checked_registration_number, checked_vat_id
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from medvault.demo.billing import seed_invoices
from medvault.demo.contracts import MONTHS_AGO
from tests.demo.test_contracts import seeded

__all__ = ["seeded"]


@pytest.mark.usefixtures("seeded")
def test_every_month_is_billed_and_most_of_them_are_paid(
    sakura: Facility, lindenhof: Facility, person: Callable[..., User]
) -> None:
    """Seeded twice, as after an interrupted start."""
    person("billing@center.example")
    for _again in range(2):
        seed_invoices({"sakura": sakura, "lindenhof": lindenhof}, now=timezone.now())
    with as_center():
        for facility in (sakura, lindenhof):
            invoices = list(Invoice.objects.filter(facility=facility).order_by("period"))
            assert len(invoices) in {MONTHS_AGO - 1, MONTHS_AGO}  # the latest month is billed on its second day
            assert {each.state for each in invoices[:-2]} == {State.PAID}
            assert invoices[-1].state in {State.FINALIZED, State.OVERDUE}
            assert [each.mailed_at is None for each in invoices] == [False] * (len(invoices) - 1) + [True]
        for issuer in Issuer.objects.all():
            if issuer.registration_number:
                assert checked_registration_number(issuer.registration_number) == issuer.registration_number
            else:
                assert checked_vat_id(issuer.vat_id, country=issuer.country) == issuer.vat_id
        account = BillingAccount.objects.get(facility=lindenhof)
        assert checked_vat_id(account.vat_id, country="DE") == account.vat_id
    assert make_documents() > 20
