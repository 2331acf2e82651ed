"""Who bills and who is billed, as staff enters it; and an invoice's papers in the workplace."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.http import Http404
from django.test import Client, RequestFactory

from apps.accounts.models import User
from apps.audit.models import Event
from apps.billing.admin.documents import InvoicePapers
from apps.billing.models import BillingAccount, Invoice, Issuer
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.billing.papers import ISSUERS, billed_by, invoiced
from tests.retention.workplace import in_group, list_address, page_address

pytestmark = pytest.mark.django_db
JAPANESE = ISSUERS["JP"] | {"vat_id": "", "bic": "", "prefix": "MV"}


@pytest.fixture
def clerk(signed_in: Callable[..., Client], settings: Any) -> Client:
    settings.STAFF_SECOND_FACTOR = False
    return in_group(signed_in, "billing")


def add(client: Client, model: Any, **fields: Any) -> int:
    address = list_address(model) + "add/"
    status: int = client.post(address, fields).status_code
    return status


def test_an_issuers_numbers_are_checked_and_written_one_way(clerk: Client) -> None:
    wrong = JAPANESE | {"registration_number": "T7000012050003"}
    assert add(clerk, Issuer, **wrong) == 200
    assert add(clerk, Issuer, **(JAPANESE | {"country": "jp"})) == 200
    assert add(clerk, Issuer, **(JAPANESE | {"registration_number": "t7000012050002 "})) == 302
    german = {"name": "Zentrum", "address": "Berlin", "country": "DE", "prefix": "MVD"}
    assert add(clerk, Issuer, **german, vat_id="DE136695977") == 200
    assert add(clerk, Issuer, **german, vat_id="DE 136 695 976") == 302
    with as_center():
        numbers = set(Issuer.objects.values_list("vat_id", "registration_number"))
        assert Event.objects.filter(action="issuer.created").count() == 2
    assert numbers == {("", "T7000012050002"), ("DE136695976", "")}


def test_an_account_keeps_its_facility_and_its_number_is_checked(
    clerk: Client, lindenhof: Facility, sakura: Facility
) -> None:
    account = billed_by("DE", lindenhof)
    page = page_address(account)
    fields = {"facility": sakura.pk, "issuer": account.issuer_id, "legal_name": "MVZ", "address": "-", "country": "DE"}
    assert clerk.post(page, fields | {"vat_id": "DE1"}).status_code == 200
    assert clerk.post(page, fields | {"vat_id": "136695976"}).status_code == 302
    with as_center():
        account = BillingAccount.objects.get()
        assert (account.facility_id, account.vat_id, account.legal_name) == (lindenhof.pk, "DE136695976", "MVZ")
        assert Event.objects.get(action="billing_account.changed").facility_id == lindenhof.pk


def test_papers_are_taken_along_from_the_workplace(clerk: Client, lindenhof: Facility, sakura: Facility) -> None:
    page = InvoicePapers(Invoice, admin.site)
    german, japanese = invoiced(billed_by("DE", lindenhof)), invoiced(billed_by("JP", sakura))
    request = RequestFactory().get("/")
    request.user = User.objects.get(pk=clerk.session["_auth_user_id"])
    with as_center():
        assert page.document(request, str(japanese.pk)).content.startswith(b"%PDF")
        assert german.number.encode() in page.e_invoice(request, str(german.pk)).content
        with pytest.raises(Http404):
            page.e_invoice(request, str(japanese.pk))
    draft = invoiced(
        billed_by("JP", sakura), state="draft", finalized_at=None, number="", period=german.period.replace(month=6)
    )
    with as_center(), pytest.raises(Http404):
        page.document(request, str(draft.pk))
