"""Facts that refuse an act on charges, invoices and payments."""

from apps.core.errors import DomainError


class IllegalTransition(DomainError):
    """The invoice's state does not allow it."""

    code = "illegal_transition"


class NotBillable(DomainError):
    """What is needed to bill a facility is missing."""

    code = "not_billable"


class Implausible(DomainError):
    """A safety bound: staff looks at this invoice first."""

    code = "implausible"


class NeedsAnother(DomainError):
    """A second person finalizes what the first one drafted."""

    code = "needs_another"


class PaymentRefused(DomainError):
    """A payment cannot be taken, given back or assigned so."""

    code = "payment_refused"


class CardsNotOffered(DomainError):
    """The center takes no cards: no key of Stripe's is set."""

    code = "cards_not_offered"


class GatewayUnavailable(DomainError):
    """Stripe did not answer, or not clearly: whether it acted is not known."""

    code = "gateway_unavailable"


class UnknownToGateway(DomainError):
    """Stripe knows no such object in the center's account."""

    code = "unknown_to_gateway"


class WrongNumber(DomainError):
    """A number that a tax office gives is not one: a digit is wrong."""

    code = "wrong_number"


class DocumentDiffers(DomainError):
    """The document of an invoice is not the one that was made first."""

    code = "document_differs"


class AlreadyChanged(DomainError):
    """What was agreed, or its prices, changed since the amounts were shown."""

    code = "already_changed"
