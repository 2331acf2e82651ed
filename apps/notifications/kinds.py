"""What people are told of: to whom each kind goes, how, and in which words (docs/notifications.md)."""

from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy, pgettext_lazy

from apps.facilities.models import Role

Words = str | Promise


class Kind(TextChoices):
    """A kind's name in webhooks, and its title."""

    COLLECTION_RECEIVED = "collection.received", _("Images received")
    COLLECTION_STORED = "collection.stored", _("Images stored and verified")
    COLLECTION_FAILED = "collection.failed", _("A collection failed")
    COLLECTION_PARTIAL = "collection.partial", _("A collection ended early")
    FILES_QUARANTINED = "collection.quarantined", _("Files in quarantine")
    IMAGES_IN_CONFLICT = "collection.conflict", _("Images in conflict")
    CONFLICT_DECIDED = "collection.conflict_decided", _("A conflict was decided")
    COLLECTION_LATE = "collection.late", _("A collection is late")
    TERMINAL_FILLING = "terminal.filling", _("A terminal fills up")
    TERMINAL_FULL_SOON = "terminal.full_soon", _("A terminal will be full")
    MORE_VISITS_PROPOSED = "terminal.proposal", _("More frequent collection is proposed")
    DECISIONS_WANTED = "retention.decide", _("Images whose storage period has ended")
    DELETION_AHEAD = "retention.deletion_ahead", _("Images that will be deleted unless you object")
    PERIODS_UNKNOWN = "retention.unknown", _("Storage periods that cannot be told")
    STUDIES_DELETED = "retention.deleted", _("Studies deleted")
    PERIOD_CORRECTED = "retention.corrected", _("A storage period was corrected")
    ORDER_ACCEPTED = "order.accepted", _("An order is being worked on")
    ORDER_READY = "order.ready", _("An order is ready")
    ORDER_DISPATCHED = "order.dispatched", _("An order is on its way")
    ORDER_CANCELLED = "order.cancelled", _("An order was cancelled")
    ORDER_ANSWERED = "order.message", _("A message about an order")
    SHARE_LINK_OPENED = "share_link.opened", _("A share link was opened")
    SHARE_LINK_LOCKED = "share_link.locked", _("A share link is locked")
    CONTRACT_TO_SIGN = "contract.to_sign", _("A contract waits for your signature")
    CONTRACT_CHANGED = "contract.changed", _("The contract has changed")
    CONTRACT_ENDING = "contract.ending", _("The contract ends")
    INVOICE_FINALIZED = "invoice.finalized", _("A new invoice")
    INVOICE_OVERDUE = "invoice.overdue", _("An invoice is overdue")
    INVOICE_PAID = "invoice.paid", _("An invoice is paid")
    CARD_DECLINED = "invoice.card_declined", _("The card could not be charged")
    DAMAGE_FOUND = "vault.damage_found", _("Damage was found")
    DAMAGE_REPAIRED = "vault.damage_repaired", _("Damage was repaired")
    TOKEN_ISSUED = "security.token_issued", _("A device token was issued")
    MEMBER_JOINED = "security.member_joined", _("Somebody joined")
    ROLE_CHANGED = "security.role_changed", _("A member's role changed")
    MEMBER_REMOVED = "security.member_removed", _("A member was removed")
    IMAGES_OPENED = "security.images_opened", _("The center's staff looked at images")
    WEBHOOK_DISABLED = "security.webhook_disabled", _("A webhook was switched off")
    REPORT_READY = "evidence.report_ready", _("An evidence report is ready")
    RECORD_SIGNED = "evidence.record_signed", _("The record was signed")

    STAFF_UPLOAD_STOPPED = "staff.upload_stopped", _("A sealed collection cannot be opened")
    STAFF_QUARANTINE = "staff.quarantine", _("Files to look at in quarantine")
    STAFF_CONFLICT = "staff.conflict", _("A conflict to resolve")
    STAFF_COLLECTION_WANTED = "staff.collection_wanted", _("A facility asks for a collection")
    STAFF_COLLECTION_LATE = "staff.collection_late", _("A collection is late")
    STAFF_RELEASE_ASKED = "staff.release_asked", _("A hold to decide on")
    STAFF_CORRECTION = "staff.correction", _("A correction to decide on")
    STAFF_DELETION_STUCK = "staff.deletion_stuck", _("A deletion is stuck")
    STAFF_CLOCKS_DIFFER = "staff.clocks_differ", _("The clocks differ")
    STAFF_ORDER_REQUESTED = "staff.order_requested", _("A new order")
    STAFF_ORDER_FAILED = "staff.order_failed", _("An order could not be produced")
    STAFF_ORDER_MESSAGE = "staff.order_message", _("A facility writes about an order")
    STAFF_CONTRACT_SIGNED = "staff.contract_signed", _("A facility signed its contract")
    STAFF_CONTRACT_ENDING = "staff.contract_ending", _("A facility ends its contract")
    STAFF_BILLING_PARKED = "staff.billing_parked", _("Invoices wait in the billing run")
    STAFF_BILLING_WRONG = "staff.billing_wrong", _("Billing does not prove right")
    STAFF_FINDING = "staff.finding", _("A pack does not match its record")
    STAFF_NODE_UNREACHABLE = "staff.node_unreachable", _("A node cannot be reached")
    STAFF_TASK_FAILED = "staff.task_failed", _("Background work failed")

    @property
    def is_for_staff(self) -> bool:
        """Read in the center's workplace, and never sent to a facility's systems."""
        return not TELLING[self].role


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Who is told of a kind and what. `role`: that role of the facility and those above it; `groups`: those of staff.

    `is_urgent` passes quiet hours and the daily digest. `is_binding`: its e-mail cannot be switched off.
    """

    happened: Words
    to_do: Words = ""
    role: Role | None = None
    groups: tuple[str, ...] = ()
    in_inbox: bool = True
    by_email: bool = True
    is_urgent: bool = False
    is_binding: bool = False


ADMINISTRATOR, OPERATOR, ARCHIVIST, BILLING = "administrator", "operator", "archivist", "billing"
RECEPTION, OUTPUT = "reception", "output"

_COLLECTIONS = {
    Kind.COLLECTION_RECEIVED: Telling(
        role=Role.VIEWER, in_inbox=False, by_email=False,
        happened=ngettext_lazy(
            "One image was received. Do not delete it at the facility yet.",
            "%(count)s images were received. Do not delete them at the facility yet.",
            "count",
        ),
    ),
    Kind.COLLECTION_STORED: Telling(
        role=Role.VIEWER, in_inbox=False, by_email=False,
        happened=ngettext_lazy(
            "One image is stored: both copies were read back and are as they were sent.",
            "%(count)s images are stored: both copies were read back and are as they were sent.",
            "count",
        ),
        to_do=_("They may be deleted at the facility."),
    ),
    Kind.COLLECTION_FAILED: Telling(
        role=Role.MEMBER, happened=_("A collection failed: nothing of it was kept."),
        to_do=_("See why on its page, and send the images again."),
    ),
    Kind.COLLECTION_PARTIAL: Telling(
        role=Role.MEMBER,
        happened=ngettext_lazy(
            "A collection ended before all of it had come. One image of it is kept.",
            "A collection ended before all of it had come. %(count)s images of it are kept.",
            "count",
        ),
        to_do=_("Send the images again: what is here already is recognized."),
    ),
    Kind.FILES_QUARANTINED: Telling(
        role=Role.MEMBER,
        happened=ngettext_lazy(
            "One file could not be read as an image. It is kept in quarantine.",
            "%(count)s files could not be read as images. They are kept in quarantine.",
            "count",
        ),
        to_do=_("See the reasons on the page of the collection, and send sound files if you have them."),
    ),
    Kind.IMAGES_IN_CONFLICT: Telling(
        role=Role.MEMBER, by_email=False,
        happened=ngettext_lazy(
            "One image contradicts one that is stored. Both are kept.",
            "%(count)s images contradict stored ones. All are kept.",
            "count",
        ),
        to_do=_("The center compares them and may ask you which is right."),
    ),
    Kind.CONFLICT_DECIDED: Telling(
        role=Role.MEMBER, by_email=False,
        happened=_("The center compared images of a study that contradict each other, and decided."),
        to_do=_("See what was decided, and whether a file is to be sent again."),
    ),
    Kind.COLLECTION_LATE: Telling(
        role=Role.MEMBER, happened=_("The collection from %(terminal)s that was agreed has not come."),
        to_do=_("Is the terminal switched on and connected? The center knows of it, too."),
    ),
    Kind.TERMINAL_FILLING: Telling(
        role=Role.MEMBER, is_urgent=True,
        happened=_("%(terminal)s is %(percent)s%% full: less is free than was agreed. A collection was asked for."),
        to_do=_("Delete at the terminal what is stored already, if you need room before it comes."),
    ),
    Kind.TERMINAL_FULL_SOON: Telling(
        role=Role.MEMBER, happened=_("At its present growth %(terminal)s will be full on %(full_on)s."),
        to_do=_("Ask for a collection before that day, or delete what is stored already."),
    ),
    Kind.MORE_VISITS_PROPOSED: Telling(
        role=Role.OWNER,
        happened=_("%(terminal)s fills up between collections. One every %(days)s days would do."),
        to_do=_("Compare what it would cost, and choose."),
    ),
}  # fmt: skip

_RETENTION = {
    Kind.DECISIONS_WANTED: Telling(
        role=Role.OWNER, is_binding=True, is_urgent=True,
        happened=ngettext_lazy(
            "The storage period of one study has ended. It waits for your decision.",
            "The storage periods of %(count)s studies have ended. They wait for your decision.",
            "count",
        ),
        to_do=_("Approve, object or extend. What is not decided by then is kept for another year, and charged."),
    ),
    Kind.DELETION_AHEAD: Telling(
        role=Role.OWNER, is_binding=True, is_urgent=True,
        happened=ngettext_lazy(
            "The storage period of one study has ended. It waits for your decision.",
            "The storage periods of %(count)s studies have ended. They wait for your decision.",
            "count",
        ),
        to_do=_("Approve, object or extend. What is not decided by then is deleted, as the contract says."),
    ),
    Kind.PERIODS_UNKNOWN: Telling(
        role=Role.MEMBER, by_email=False,
        happened=ngettext_lazy(
            "For one study it cannot be told how long it must be kept: something is missing.",
            "For %(count)s studies it cannot be told how long they must be kept: something is missing.",
            "count",
        ),
        to_do=_("Add what is missing. Until then nothing of it is ever deleted."),
    ),
    Kind.STUDIES_DELETED: Telling(
        role=Role.OWNER, by_email=False,
        happened=ngettext_lazy(
            "One study was deleted, as it was decided.", "%(count)s studies were deleted, as it was decided.", "count"
        ),
        to_do=_("The signed certificates are kept for you."),
    ),
    Kind.PERIOD_CORRECTED: Telling(
        role=Role.MEMBER, by_email=False,
        happened=_("Two people of the center shortened a storage period that was too long by mistake."),
        to_do=_("See what it was and is on the study's page, and object if it is wrong."),
    ),
}  # fmt: skip

_ORDERS = {
    Kind.ORDER_ACCEPTED: Telling(
        role=Role.MEMBER, by_email=False, happened=_("Order %(number)s is being worked on."),
    ),
    Kind.ORDER_READY: Telling(
        role=Role.MEMBER, by_email=False, happened=_("What order %(number)s is for has been made and checked."),
    ),
    Kind.ORDER_DISPATCHED: Telling(
        role=Role.MEMBER, happened=_("Order %(number)s was given out."),
        to_do=_("Fetch it or watch for it, and confirm that it came."),
    ),
    Kind.ORDER_CANCELLED: Telling(
        role=Role.MEMBER, happened=_("Order %(number)s was cancelled."), to_do=_("See why on its page."),
    ),
    Kind.ORDER_ANSWERED: Telling(
        role=Role.MEMBER, happened=_("The center wrote to you about order %(number)s."),
        to_do=_("Read it on the order's page, and answer if it asks."),
    ),
    Kind.SHARE_LINK_OPENED: Telling(
        role=Role.MEMBER, by_email=False, happened=_("The share link of order %(number)s was opened."),
    ),
    Kind.SHARE_LINK_LOCKED: Telling(
        role=Role.MEMBER, is_urgent=True,
        happened=_("The share link of order %(number)s was tried with wrong answers too often: it is locked for good."),
        to_do=_("Ask the receiver whether it was they, and make a new link."),
    ),
}  # fmt: skip

_CONTRACT = {
    Kind.CONTRACT_TO_SIGN: Telling(
        role=Role.OWNER, happened=_("The center offers a contract, or a change of it."),
        to_do=_("Read it, and sign if you agree."),
    ),
    Kind.CONTRACT_CHANGED: Telling(
        role=Role.OWNER, happened=_("A new version of the contract is agreed, from %(effective_on)s on."),
    ),
    Kind.CONTRACT_ENDING: Telling(
        role=Role.OWNER, is_urgent=True, happened=_("The contract ends on %(ends_on)s."),
        to_do=_("Order a full return of your images before that day, and confirm that it came."),
    ),
    Kind.INVOICE_FINALIZED: Telling(
        role=Role.OWNER, by_email=False, happened=_("%(number)s over %(amount)s was issued."),
        to_do=_("It is mailed to whom you named for invoices."),
    ),
    Kind.INVOICE_OVERDUE: Telling(
        role=Role.OWNER, by_email=False, happened=_("Invoice %(number)s is overdue; %(amount)s are open."),
        to_do=_("Please pay, or tell the center what keeps you from it."),
    ),
    Kind.INVOICE_PAID: Telling(
        role=Role.OWNER, by_email=False, happened=_("Invoice %(number)s is paid. Thank you."),
    ),
    Kind.CARD_DECLINED: Telling(
        role=Role.OWNER, by_email=False, happened=_("The card payment of invoice %(number)s was not accepted."),
        to_do=_("Enter the card again, or another one, or pay by bank transfer."),
    ),
}  # fmt: skip

_SECURITY = {
    Kind.DAMAGE_FOUND: Telling(
        role=Role.OWNER,
        happened=_("A copy of your images does not match its record. The center's staff has been told."),
        to_do=_("Nothing: it is repaired from the other copy. You will be told."),
    ),
    Kind.DAMAGE_REPAIRED: Telling(
        role=Role.OWNER, by_email=False, happened=_("A damaged copy was repaired from the other one and read back."),
    ),
    Kind.TOKEN_ISSUED: Telling(
        role=Role.OWNER, is_urgent=True,
        happened=_("A device token was issued: a program can use it without a person."),
        to_do=_("If you know nothing of it, revoke it."),
    ),
    Kind.MEMBER_JOINED: Telling(
        role=Role.OWNER, by_email=False, happened=_("Somebody accepted an invitation and belongs to the facility now."),
        to_do=_("If you know nothing of it, remove them."),
    ),
    Kind.ROLE_CHANGED: Telling(
        role=Role.OWNER, is_urgent=True, happened=_("A member's role was changed."),
        to_do=_("If you know nothing of it, look at the members."),
    ),
    Kind.MEMBER_REMOVED: Telling(
        role=Role.OWNER, is_urgent=True, happened=_("A member was removed."),
        to_do=_("If you know nothing of it, look at the members."),
    ),
    Kind.IMAGES_OPENED: Telling(
        role=Role.OWNER, is_urgent=True,
        happened=_("One of the center's staff gave a reason and looks at the images of a study."),
        to_do=_("Read who and why in the access record, and ask the center if that surprises you."),
    ),
    Kind.REPORT_READY: Telling(
        role=Role.OWNER, by_email=False, happened=_("Evidence report %(number)s is made and signed."),
    ),
    Kind.RECORD_SIGNED: Telling(
        role=Role.OWNER, in_inbox=False, by_email=False,
        happened=_("The head of your record's log was signed; it has %(size)s events."),
        to_do=_("Keep it outside of the center: what was on record then cannot be changed unnoticed."),
    ),
    Kind.WEBHOOK_DISABLED: Telling(
        role=Role.OWNER, happened=_("A webhook took nothing for %(days)s days and was switched off."),
        to_do=_("Mend what should listen there, switch it on again, and send again what it missed."),
    ),
}  # fmt: skip

_STAFF = {
    Kind.STAFF_UPLOAD_STOPPED: Telling(
        groups=(ADMINISTRATOR, RECEPTION, ARCHIVIST),
        happened=_("A sealed collection was begun %(times)s times, and each time the worker died over it. It is kept."),
        to_do=_("See in the log and the memory what kills the worker, and have it opened again."),
    ),
    Kind.STAFF_QUARANTINE: Telling(
        groups=(RECEPTION, ARCHIVIST), by_email=False,
        happened=ngettext_lazy(
            "One file of a collection could not be read.", "%(count)s files of a collection could not be read.", "count"
        ),
        to_do=_("See what they are and what to tell the facility."),
    ),
    Kind.STAFF_CONFLICT: Telling(
        groups=(RECEPTION, ARCHIVIST),
        happened=ngettext_lazy(
            "One image contradicts a stored one.", "%(count)s images contradict stored ones.", "count"
        ),
        to_do=_("Compare both and decide which is right."),
    ),
    Kind.STAFF_COLLECTION_WANTED: Telling(
        groups=(OPERATOR,), happened=_("A collection is asked for: %(terminal)s."), to_do=_("Plan the visit."),
    ),
    Kind.STAFF_COLLECTION_LATE: Telling(
        groups=(OPERATOR,), by_email=False, happened=_("What was agreed for %(terminal)s has not come."),
        to_do=_("Find out why, and plan another visit."),
    ),
    Kind.STAFF_RELEASE_ASKED: Telling(
        groups=(ARCHIVIST,), happened=_("A facility asks for a hold to be released."), to_do=_("Decide on it."),
    ),
    Kind.STAFF_CORRECTION: Telling(
        groups=(ARCHIVIST,), happened=_("A correction of a storage period waits for a second person."),
        to_do=_("Decide on it."),
    ),
    Kind.STAFF_DELETION_STUCK: Telling(
        groups=(ARCHIVIST,), happened=_("A deletion that was approved could not be carried out."),
        to_do=_("See the problem, and mend it."),
    ),
    Kind.STAFF_CLOCKS_DIFFER: Telling(
        groups=(ADMINISTRATOR, ARCHIVIST), is_urgent=True,
        happened=_("The clocks of this machine and of the database disagree, or time has leapt. Nothing is deleted."),
        to_do=_("Set the clocks right; confirm the time if it really has passed."),
    ),
    Kind.STAFF_ORDER_REQUESTED: Telling(
        groups=(OPERATOR, OUTPUT), by_email=False, happened=_("Order %(number)s was requested."), to_do=_("Accept it."),
    ),
    Kind.STAFF_ORDER_FAILED: Telling(
        groups=(OPERATOR, OUTPUT), happened=_("Order %(number)s could not be produced or delivered."),
        to_do=_("See the problem on its page, and have it produced again."),
    ),
    Kind.STAFF_ORDER_MESSAGE: Telling(
        groups=(OPERATOR, OUTPUT), by_email=False, happened=_("A facility wrote about order %(number)s."),
        to_do=_("Answer it."),
    ),
    Kind.STAFF_CONTRACT_SIGNED: Telling(
        groups=(BILLING,), by_email=False, happened=_("A facility signed a version of its contract."),
    ),
    Kind.STAFF_CONTRACT_ENDING: Telling(
        groups=(BILLING, OPERATOR), happened=_("A facility ends its contract on %(ends_on)s."),
        to_do=_("See to the return of its images."),
    ),
    Kind.STAFF_BILLING_PARKED: Telling(
        groups=(BILLING,),
        happened=ngettext_lazy(
            "One invoice of the run is parked.", "%(count)s invoices of the run are parked.", "count"
        ),
        to_do=_("See why, and release them."),
    ),
    Kind.STAFF_BILLING_WRONG: Telling(
        groups=(BILLING, ADMINISTRATOR), is_urgent=True,
        happened=_("Charges, invoices or payments do not prove right."),
        to_do=_("Look at the proof before anything is sent."),
    ),
    Kind.STAFF_FINDING: Telling(
        groups=(ARCHIVIST, ADMINISTRATOR), is_urgent=True,
        happened=_("A pack does not match its record, in one place or in both."),
        to_do=_("See the finding; where the other copy is sound it is repaired from it."),
    ),
    Kind.STAFF_NODE_UNREACHABLE: Telling(
        groups=(OPERATOR, OUTPUT),
        happened=_("%(node)s stays away. What is to be sent to it or fetched from it waits."),
        to_do=_("See whether its address is right, and ask the facility."),
    ),
    Kind.STAFF_TASK_FAILED: Telling(
        groups=(ADMINISTRATOR,), happened=_("Background work failed: %(task)s."),
        to_do=_("See why, and do it again; what succeeds later is resolved by itself."),
    ),
}  # fmt: skip

TELLING: dict[Kind, Telling] = _COLLECTIONS | _RETENTION | _ORDERS | _CONTRACT | _SECURITY | _STAFF

GROUPS: dict[str, Words] = {
    "collection": _("Collections"),
    "terminal": _("Terminals"),
    "retention": _("Storage periods"),
    "order": _("Orders"),
    "share_link": _("Share links"),
    "contract": _("Contract"),
    "invoice": _("Invoices"),
    "evidence": _("Evidence"),
    "vault": pgettext_lazy("vault", "Copies"),
    "security": _("Access"),
    "staff": _("The center's work"),
}
"""Of the names of kinds, the part before the dot."""


def called(kind: str) -> str:
    """The title of a kind; the name of one that is no more."""
    return str(Kind(kind).label) if kind in Kind.values else kind
