"""The menu of the center's workplace: reception, search, output and management, with what waits."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.billing.admin.pages import READS as BILLING_READS
from apps.collection.admin.rounds import READS
from apps.retention.admin.ending import READS as ENDING_READS
from medvault.workplace.badges import badges

QUARANTINE = "outcome__exact=quarantined&decided=no"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A list, or a page of its own: `to` names its model or its address. `badge` names what is counted."""

    title: Any
    icon: str
    to: str
    badge: str = ""
    query: str = ""
    reads: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        name = f"{self.to.replace('.', '_')}_changelist" if "." in self.to else self.to
        return reverse(f"admin:{name}")

    @property
    def permissions(self) -> tuple[str, ...]:
        room, _dot, model = self.to.partition(".")
        return self.reads or (f"{room}.view_{model}",)


@dataclass(frozen=True, slots=True)
class _Group:
    """Entries under a title; one that is folded opens by a click, and by itself where the person is."""

    title: Any
    entries: tuple[_Entry, ...]
    is_folded: bool = False


_MENU = (
    _Group(
        _("Reception"),
        (
            _Entry(_("Worklist"), "checklist_rtl", "collection_worklist", reads=READS),
            _Entry(_("Calendar of visits"), "calendar_month", "collection_calendar", reads=READS),
            _Entry(_("Overdue and unmarked"), "running_with_errors", "collection_overdue", reads=READS),
            _Entry(_("Requests"), "notification_important", "collection.collectionrequest", "requests"),
            _Entry(_("Collections"), "inventory_2", "collection.collection"),
            _Entry(_("Conflicts"), "call_split", "catalog.conflict", "conflicts"),
            _Entry(_("Quarantine"), "gpp_maybe", "collection.receivedfile", "quarantine", QUARANTINE),
            _Entry(_("Uploads"), "upload", "collection.upload", "uploads"),
        ),
    ),
    _Group(
        _("Search"),
        (
            _Entry(_("Patients"), "person_search", "catalog.patient"),
            _Entry(_("Studies"), "folder_open", "catalog.study"),
            _Entry(_("Series"), "stacks", "catalog.series"),
            _Entry(_("Instances"), "image", "catalog.instance"),
        ),
    ),
    _Group(
        _("Output"),
        (
            _Entry(_("Orders"), "outbox", "orders.order", "orders"),
            _Entry(_("Printers"), "print", "orders.printer"),
            _Entry(_("Receiving nodes"), "send_to_mobile", "orders.node"),
        ),
    ),
    _Group(
        _("Management: storage periods"),
        (
            _Entry(_("Ending"), "hourglass_bottom", "retention_ending", reads=ENDING_READS),
            _Entry(_("Storage periods"), "event_upcoming", "retention.retention"),
            _Entry(_("Dispositions"), "auto_delete", "retention.disposition", "dispositions"),
            _Entry(_("Holds"), "lock", "catalog.hold", "holds"),
            _Entry(_("Corrections"), "edit_calendar", "retention.correction", "corrections"),
            _Entry(_("Rules"), "gavel", "retention.rule"),
            _Entry(_("Deletion policies"), "handshake", "retention.deletionpolicy"),
            _Entry(_("Care events"), "clinical_notes", "retention.careevent"),
            _Entry(_("Extensions"), "more_time", "retention.extension"),
        ),
        is_folded=True,
    ),
    _Group(
        _("Management: billing"),
        (
            _Entry(_("Billing run"), "event_repeat", "billing_run", "drafts", reads=BILLING_READS),
            _Entry(_("Invoices"), "receipt", "billing.invoice", "overdue"),
            _Entry(_("Bank transactions"), "account_balance", "billing.banktransaction", "transfers"),
            _Entry(_("Payments"), "payments", "billing.payment"),
            _Entry(_("Card payments"), "credit_card", "billing.paymentattempt"),
            _Entry(_("Reminders"), "notifications", "billing.dunningnotice"),
            _Entry(_("Charges"), "list_alt", "billing.charge"),
            _Entry(_("Storage by the day"), "database", "billing.storageday"),
            _Entry(_("Proof"), "fact_check", "billing_proof", reads=BILLING_READS),
            _Entry(_("Webhook events"), "webhook", "billing.webhookevent"),
            _Entry(_("Billing accounts"), "contract", "billing.billingaccount"),
            _Entry(_("Issuers"), "storefront", "billing.issuer"),
        ),
        is_folded=True,
    ),
    _Group(
        _("Management: facilities and contracts"),
        (
            _Entry(_("Facilities"), "apartment", "facilities.facility"),
            _Entry(_("Memberships"), "badge", "facilities.membership"),
            _Entry(_("Invitations"), "mail", "facilities.invitation"),
            _Entry(_("Device tokens"), "key", "facilities.devicetoken"),
            _Entry(_("Contracts"), "contract", "contracts.contract"),
            _Entry(_("Versions"), "history_edu", "contracts.contractversion"),
            _Entry(_("Signatures"), "signature", "contracts.signature"),
            _Entry(_("Tiers"), "layers", "tiers.tier"),
            _Entry(_("Tier versions"), "stacks", "tiers.tierversion"),
            _Entry(_("Price lists"), "sell", "tiers.pricelist"),
        ),
        is_folded=True,
    ),
    _Group(
        _("Management: terminals"),
        (
            _Entry(_("Terminals"), "dns", "collection.terminal"),
            _Entry(_("Capacity"), "data_usage", "collection.capacity"),
            _Entry(_("Collectors"), "work", "collection.collector"),
            _Entry(_("Sources"), "cloud_download", "dicomnet.source"),
            _Entry(_("Storage commitments"), "task_alt", "dicomnet.commitment"),
        ),
        is_folded=True,
    ),
    _Group(
        _("Management: vault and records"),
        (
            _Entry(_("Findings"), "healing", "vault.finding", "findings"),
            _Entry(_("Packs"), "package_2", "vault.pack"),
            _Entry(_("Received files"), "draft", "collection.receivedfile"),
            _Entry(_("Announced files"), "checklist", "collection.announcedfile"),
            _Entry(_("Quarantine decisions"), "rule", "collection.quarantinedecision"),
            _Entry(_("Receipts"), "verified", "collection.receipt"),
            _Entry(_("Reception records"), "receipt_long", "collection.receptionrecord"),
            _Entry(_("Looks at images"), "visibility", "catalog.imageaccess"),
            _Entry(_("Audit events"), "history", "audit.event"),
            _Entry(_("Failed tasks"), "error", "audit.failedtask", "failed-tasks"),
        ),
        is_folded=True,
    ),
    _Group(
        _("Management: people"),
        (
            _Entry(_("Users"), "group", "accounts.user"),
            _Entry(_("Groups"), "shield_person", "auth.group"),
            _Entry(_("E-mail addresses"), "alternate_email", "account.emailaddress"),
            _Entry(_("Second factors"), "passkey", "mfa.authenticator"),
            _Entry(_("Sessions"), "devices", "usersessions.usersession"),
        ),
        is_folded=True,
    ),
    _Group(
        _("Management: notifications"),
        (
            _Entry(_("Notifications"), "notifications", "notifications.notification"),
            _Entry(_("Letters"), "mail", "notifications.letter"),
            _Entry(_("Webhooks"), "webhook", "notifications.webhook"),
        ),
        is_folded=True,
    ),
)


def menu(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's sidebar navigation. Entries that the person may not read are left out by unfold."""
    counts = badges()
    here = _here(request, (entry for group in _MENU for entry in group.entries))
    start = reverse("admin:index")
    find = reverse("admin:find")
    top = [
        {"title": _("My work"), "icon": "dashboard", "link": start, "active": request.path == start},
        {"title": _("Find"), "icon": "search", "link": find, "active": request.path == find},
    ]
    return [
        {"items": top},
        *(
            {
                "title": group.title,
                "collapsible": group.is_folded,
                "items": [_item(entry, counts, is_here=entry == here) for entry in group.entries],
            }
            for group in _MENU
        ),
    ]


def account_links(_request: HttpRequest) -> list[dict[str, Any]]:
    """What people change about their own account happens on the pages that everybody has for it."""
    return [
        {"title": _("Change password"), "link": reverse("account_change_password")},
        {"title": _("Second factor"), "link": reverse("mfa_index")},
        {"title": _("Language and time zone"), "link": reverse("language")},
        {"title": _("Notifications"), "link": reverse("notification_preferences")},
    ]


def _item(entry: _Entry, counts: dict[str, str], *, is_here: bool) -> dict[str, Any]:
    return {
        "title": entry.title,
        "icon": entry.icon,
        "link": f"{entry.address}?{entry.query}" if entry.query else entry.address,
        "active": is_here,
        "permission": _may(*entry.permissions),
        "badge": counts.get(entry.badge, ""),
        "badge_variant": "primary",
    }


def _here(request: HttpRequest, entries: Iterable[_Entry]) -> _Entry | None:
    """The entry that leads here: the longest address; of two to one list, the one whose query is asked for."""
    asked = request.GET.urlencode()
    leading = [
        entry
        for entry in entries
        if request.path.startswith(entry.address) and (not entry.query or entry.query in asked)
    ]
    return max(leading, key=lambda entry: (len(entry.address), len(entry.query)), default=None)


def _may(*permissions: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perms(permissions)
