"""Facts that refuse an act on a contract."""

from apps.core.errors import DomainError


class IllegalTransition(DomainError):
    """The contract's state does not allow it."""

    code = "illegal_transition"


class NotOffered(DomainError):
    """The tier version is not offered on that day, has no prices in the currency, or not this way."""

    code = "not_offered"


class NoticeTooShort(DomainError):
    """The contract cannot end, or change, that early."""

    code = "notice_too_short"


class Overlapping(DomainError):
    """The facility has a contract for some of these days."""

    code = "overlapping"


class ContractSuspended(DomainError):
    """New outputs wait until the facility has paid; storage and collection go on."""

    code = "contract_suspended"


class NeedsApproval(DomainError):
    """Staff approves contracts of this tier."""

    code = "needs_approval"


class MayNotSign(DomainError):
    """Not by this person, or not so."""

    code = "may_not_sign"
