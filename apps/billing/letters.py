"""Letters about invoices, by e-mail. They hold numbers of invoices, amounts and days; never patient data."""

from typing import Any

from apps.billing.models import BillingAccount, Invoice
from apps.billing.settling import open_amount
from apps.core.letters import letter
from apps.core.money import formatted
from apps.facilities.members import owner_emails


def send_letter(
    invoice: Invoice, *, subject: str, template: str, document: bytes | None = None, **context: Any
) -> bool:
    """Mail `template`, with the invoice's document, to those who pay; whether there is anybody.

    Raises OSError where the mail is not taken.
    """
    to = addressees(invoice.facility_id)
    if not to:
        return False
    context |= {
        "invoice": invoice,
        "facility": invoice.facility,
        "open_amount": formatted(open_amount(invoice), invoice.currency),
    }
    message = letter(f"{subject}: {invoice.number}", template, context, to=to)
    if document is not None:
        message.attach(f"{invoice.number}.pdf", document, "application/pdf")
    message.send()
    return True


def addressees(facility_id: int) -> list[str]:
    """The address that the account names, or the owners'."""
    account = BillingAccount.objects.filter(facility_id=facility_id).exclude(email="").first()
    if account is not None:
        return [account.email]
    return owner_emails(facility_id)
