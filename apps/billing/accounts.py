"""What a facility says of itself for its invoices, and how the center's numbers are kept right."""

from django.utils.translation import gettext as _

from apps.audit.record import Actor, record
from apps.billing.errors import NotBillable
from apps.billing.models import BillingAccount, Issuer
from apps.billing.taxes import checked_vat_id
from apps.facilities.models import Facility

DETAILS = ("legal_name", "address", "vat_id", "email")


def account_of(facility: Facility) -> BillingAccount | None:
    """How the facility is billed, once that is known."""
    return BillingAccount.objects.filter(facility=facility).select_related("issuer").first()


def change_details(
    facility: Facility, *, legal_name: str, address: str, vat_id: str, email: str, actor: Actor
) -> BillingAccount:
    """What invoices call the facility from the next one on. The first time this opens its account.

    Raises WrongNumber, and NotBillable where the center has no issuer.
    """
    account = account_of(facility) or _opened(facility)
    before = {name: getattr(account, name) for name in DETAILS}
    checked = checked_vat_id(vat_id, country=account.country) if vat_id else ""
    after = {"legal_name": legal_name, "address": address, "vat_id": checked, "email": email}
    changed = sorted(name for name in DETAILS if before[name] != after[name])
    if changed:
        for name in changed:
            setattr(account, name, after[name])
        account.save()
        record("billing_account.changed", actor=actor, object_type="billing_account", object_id=account.pk,
               facility_id=facility.pk, fields=changed)  # fmt: skip
    return account


def _opened(facility: Facility) -> BillingAccount:
    """With the issuer of the facility's country, or else the first one."""
    issuers = list(Issuer.objects.order_by("pk"))
    issuer = next((each for each in issuers if each.country == facility.country), issuers[0] if issuers else None)
    if issuer is None:
        raise NotBillable(_("The center has not said yet who bills"))
    return BillingAccount(facility=facility, country=facility.country, issuer=issuer)
