"""What the center's staff may do: groups, written down here and brought up to date after every migration."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction

# Rules of the law, holds, corrections of storage periods, deletions that are stuck.
_STORAGE_PERIODS = (
    "catalog.add_hold",
    "catalog.change_hold",
    "retention.change_rule",
    "retention.add_correction",
    "retention.change_correction",
    "retention.change_disposition",
)

# Releasing what is parked, finalizing, crediting.
_INVOICES = ("billing.change_invoice",)

# What is sold, and contracts about it.
_CONTRACTS = (
    "tiers.add_tier",
    "tiers.change_tier",
    "tiers.add_tierversion",
    "tiers.change_tierversion",
    "tiers.add_pricelist",
    "tiers.change_pricelist",
    "contracts.add_contract",
    "contracts.change_contract",
)
# Assigning transfers, giving back, asking Stripe again.
_PAYMENTS = (
    "billing.change_payment",
    "billing.change_paymentattempt",
    "billing.change_banktransaction",
    "billing.change_webhookevent",
)
# In whose name invoices are made, and what they call facilities.
_PARTIES = (
    "billing.add_issuer",
    "billing.change_issuer",
    "billing.add_billingaccount",
    "billing.change_billingaccount",
)

# What came in and waits for a decision: conflicts, files that could not be read, uploads that kill their workers.
_RECEPTION = (
    "catalog.change_conflict", "catalog.add_imageaccess", "collection.add_quarantinedecision",
    "collection.change_upload",
)  # fmt: skip
# Orders, and where they are printed and sent.
_OUTPUT = (
    "catalog.add_imageaccess",
    "orders.change_order",
    "orders.add_printer",
    "orders.change_printer",
    "orders.add_node",
    "orders.change_node",
)

# Everybody reads everything; this is what each group changes besides.
CHANGES: dict[str, tuple[str, ...]] = {
    "administrator": (
        "accounts.add_user",
        "accounts.change_user",
        "auth.add_group",
        "auth.change_group",
        "facilities.add_facility",
        "facilities.change_facility",
        "facilities.add_membership",
        "facilities.change_membership",
        "facilities.delete_membership",
        "facilities.change_devicetoken",
        "collection.add_terminal",
        "collection.change_terminal",
        "collection.add_collector",
        "collection.change_collector",
        "collection.change_upload",
        "dicomnet.add_source",
        "dicomnet.change_source",
        *_OUTPUT,
        "retention.add_deletionpolicy",
        "audit.change_failedtask",
        "catalog.add_imageaccess",
        *_STORAGE_PERIODS,
        *_CONTRACTS,
        *_PARTIES,
        *_INVOICES,
    ),
    "operator": (
        "collection.add_terminal",
        "collection.change_terminal",
        "dicomnet.add_source",
        "dicomnet.change_source",
        *_OUTPUT,
    ),
    "reception": _RECEPTION,
    "output": _OUTPUT,
    "archivist": (*_RECEPTION, *_STORAGE_PERIODS),
    "billing": (*_CONTRACTS, *_PARTIES, *_INVOICES, *_PAYMENTS),
}


def bring_staff_roles_up_to_date(using: str) -> None:
    """Make the groups and set their permissions, those that migrations have just brought included. Safe to repeat."""
    with transaction.atomic(using=using):
        known = {
            f"{permission.content_type.app_label}.{permission.codename}": permission
            for permission in Permission.objects.using(using).select_related("content_type")
        }
        reading = [permission for permission in known.values() if permission.codename.startswith("view_")]
        for name, changes in CHANGES.items():
            group, _ = Group.objects.using(using).get_or_create(name=name)
            group.permissions.set([*reading, *(known[change] for change in changes)])
