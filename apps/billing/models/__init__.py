"""Who is billed, what is metered, what is owed and why, and how it is paid."""

from apps.billing.models.accounts import BillingAccount, Issuer, PaymentMethod
from apps.billing.models.charges import Charge, Source
from apps.billing.models.halts import Halt
from apps.billing.models.invoices import Counter, Invoice, InvoiceKind, InvoiceLine, State
from apps.billing.models.metering import StorageDay, StorageEntry
from apps.billing.models.payments import (
    AttemptState,
    BankTransaction,
    DunningNotice,
    Payment,
    PaymentAttempt,
    WebhookEvent,
)

__all__ = [
    "AttemptState", "BankTransaction", "BillingAccount", "Charge", "Counter", "DunningNotice", "Halt", "Invoice",
    "InvoiceKind", "InvoiceLine", "Issuer", "Payment", "PaymentAttempt", "PaymentMethod", "Source", "State",
    "StorageDay", "StorageEntry", "WebhookEvent",
]  # fmt: skip
