"""The menu of the center's workplace, by task."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.billing.admin.pages import READS as BILLING_READS
from apps.collection.admin.rounds import READS
from apps.retention.admin.ending import READS as ENDING_READS

QUARANTINE = "outcome__exact=quarantined"
_Entry = tuple[Any, str, str, str]  # title, icon, model, query of the list
_Page = tuple[Any, str, str]  # title, icon, name of the address

_TASKS: tuple[tuple[Any, tuple[_Entry, ...]], ...] = (
    (
        _("Reception"),
        (
            (_("Collections"), "inventory_2", "collection.collection", ""),
            (_("Receipts"), "verified", "collection.receipt", ""),
            (_("Uploads"), "upload", "collection.upload", ""),
            (_("Announced files"), "checklist", "collection.announcedfile", ""),
            (_("Reception records"), "receipt_long", "collection.receptionrecord", ""),
            (_("Received files"), "draft", "collection.receivedfile", ""),
            (_("Quarantine"), "gpp_maybe", "collection.receivedfile", QUARANTINE),
            (_("Conflicts"), "call_split", "catalog.conflict", ""),
        ),
    ),
    (
        _("Output"),
        (
            (_("Orders"), "outbox", "orders.order", ""),
            (_("Printers"), "print", "orders.printer", ""),
            (_("Receiving nodes"), "send_to_mobile", "orders.node", ""),
        ),
    ),
    (
        _("Terminals"),
        (
            (_("Terminals"), "dns", "collection.terminal", ""),
            (_("Requests"), "notification_important", "collection.collectionrequest", ""),
            (_("Sources"), "cloud_download", "dicomnet.source", ""),
            (_("Storage commitments"), "task_alt", "dicomnet.commitment", ""),
            (_("Capacity"), "data_usage", "collection.capacity", ""),
            (_("Collectors"), "work", "collection.collector", ""),
        ),
    ),
    (
        _("Search"),
        (
            (_("Patients"), "person_search", "catalog.patient", ""),
            (_("Studies"), "folder_open", "catalog.study", ""),
            (_("Series"), "stacks", "catalog.series", ""),
            (_("Instances"), "image", "catalog.instance", ""),
        ),
    ),
    (
        _("Vault"),
        (
            (_("Packs"), "package_2", "vault.pack", ""),
            (_("Findings"), "healing", "vault.finding", ""),
        ),
    ),
    (
        _("Facilities"),
        (
            (_("Facilities"), "apartment", "facilities.facility", ""),
            (_("Memberships"), "badge", "facilities.membership", ""),
            (_("Invitations"), "mail", "facilities.invitation", ""),
            (_("Device tokens"), "key", "facilities.devicetoken", ""),
        ),
    ),
    (
        _("People"),
        (
            (_("Users"), "group", "accounts.user", ""),
            (_("Groups"), "shield_person", "auth.group", ""),
            (_("E-mail addresses"), "alternate_email", "account.emailaddress", ""),
            (_("Second factors"), "passkey", "mfa.authenticator", ""),
            (_("Sessions"), "devices", "usersessions.usersession", ""),
        ),
    ),
    (
        _("Contracts"),
        (
            (_("Contracts"), "contract", "contracts.contract", ""),
            (_("Versions"), "history_edu", "contracts.contractversion", ""),
            (_("Signatures"), "signature", "contracts.signature", ""),
            (_("Tiers"), "layers", "tiers.tier", ""),
            (_("Tier versions"), "stacks", "tiers.tierversion", ""),
            (_("Price lists"), "sell", "tiers.pricelist", ""),
        ),
    ),
    (_("Audit"), ((_("Audit events"), "history", "audit.event", ""),)),
)

_STORAGE_PERIODS: tuple[_Entry, ...] = (
    (_("Storage periods"), "event_upcoming", "retention.retention", ""),
    (_("Dispositions"), "auto_delete", "retention.disposition", ""),
    (_("Holds"), "lock", "catalog.hold", ""),
    (_("Corrections"), "edit_calendar", "retention.correction", ""),
    (_("Rules"), "gavel", "retention.rule", ""),
    (_("Deletion policies"), "handshake", "retention.deletionpolicy", ""),
    (_("Care events"), "clinical_notes", "retention.careevent", ""),
    (_("Extensions"), "more_time", "retention.extension", ""),
)

_BILLING: tuple[_Entry, ...] = (
    (_("Invoices"), "receipt", "billing.invoice", ""),
    (_("Charges"), "list_alt", "billing.charge", ""),
    (_("Storage by the day"), "database", "billing.storageday", ""),
    (_("Billing accounts"), "contract", "billing.billingaccount", ""),
    (_("Payments"), "payments", "billing.payment", ""),
    (_("Card payments"), "credit_card", "billing.paymentattempt", ""),
    (_("Bank transactions"), "account_balance", "billing.banktransaction", ""),
    (_("Reminders"), "notification_important", "billing.dunningnotice", ""),
    (_("Webhook events"), "webhook", "billing.webhookevent", ""),
    (_("Issuers"), "storefront", "billing.issuer", ""),
)

_ENDING: _Page = (_("Ending"), "hourglass_bottom", "retention_ending")
_RUNS: tuple[_Page, ...] = (
    (_("Billing run"), "event_repeat", "billing_run"),
    (_("Proof"), "fact_check", "billing_proof"),
)
_ROUNDS: tuple[_Page, ...] = (
    (_("Worklist"), "checklist_rtl", "collection_worklist"),
    (_("Calendar of visits"), "calendar_month", "collection_calendar"),
    (_("Overdue and unmarked"), "running_with_errors", "collection_overdue"),
)


def menu(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's sidebar navigation. Entries that the person may not read are left out by unfold."""
    overview = {
        "title": _("Overview"),
        "icon": "dashboard",
        "link": reverse("admin:index"),
        "active": request.path == reverse("admin:index"),
    }
    tasks = [{"title": title, "items": [_item(request, *entry) for entry in entries]} for title, entries in _TASKS]
    rounds = {"title": _("Rounds"), "items": [_page_item(request, *page, READS) for page in _ROUNDS]}
    lists = [_item(request, *entry) for entry in _STORAGE_PERIODS]
    periods = {"title": _("Storage periods"), "items": [_page_item(request, *_ENDING, ENDING_READS), *lists]}
    runs = [_page_item(request, *page, BILLING_READS) for page in _RUNS]
    billing = {"title": _("Billing"), "items": [*runs, *(_item(request, *entry) for entry in _BILLING)]}
    return [{"items": [overview]}, rounds, periods, billing, *tasks]


def account_links(_request: HttpRequest) -> list[dict[str, Any]]:
    """What people change about their own account happens on the pages that everybody has for it."""
    return [
        {"title": _("Change password"), "link": reverse("account_change_password")},
        {"title": _("Second factor"), "link": reverse("mfa_index")},
        {"title": _("Language and time zone"), "link": reverse("language")},
    ]


def _item(request: HttpRequest, title: Any, icon: str, model: str, query: str) -> dict[str, Any]:
    room, name = model.split(".")
    address = reverse(f"admin:{room}_{name}_changelist")
    is_here = request.path.startswith(address)
    is_quarantine = QUARANTINE in request.GET.urlencode()
    return {
        "title": title,
        "icon": icon,
        "link": f"{address}?{query}" if query else address,
        # Two entries may lead to one list; the query tells which of them it is.
        "active": is_here and is_quarantine == bool(query) and request.path not in _page_addresses(),
        "permission": _may(f"{room}.view_{name}"),
    }


def _page_item(request: HttpRequest, title: Any, icon: str, name: str, reads: tuple[str, ...]) -> dict[str, Any]:
    address = reverse(f"admin:{name}")
    return {
        "title": title,
        "icon": icon,
        "link": address,
        "active": request.path == address,
        "permission": _may(*reads),
    }


def _page_addresses() -> set[str]:
    """The pages of their own, whose addresses lie below that of a list."""
    return {reverse(f"admin:{name}") for _title, _icon, name in (*_ROUNDS, *_RUNS, _ENDING)}


def _may(*permissions: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perms(permissions)
