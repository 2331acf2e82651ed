"""Why a study is not deleted, and what else storage periods refuse."""

from apps.core.errors import DomainError


class NotDeletable(DomainError):
    """A study must not be deleted now."""

    code = "not_deletable"


class StillRetained(NotDeletable):
    """Its floors have not passed."""

    code = "still_retained"


class UnknownPeriod(NotDeletable):
    """What a rule needs to know has not been told; the unknown never expires."""

    code = "unknown_period"


class Held(NotDeletable):
    """There is a hold on it."""

    code = "held"


class ClocksDiffer(NotDeletable):
    """The machine's clock and the database's are too far apart to trust either with deleting."""

    code = "clocks_differ"


class IllegalTransition(DomainError):
    """A disposition cannot go from the state it is in to that one."""

    code = "illegal_transition"


class NeedsSecondPerson(DomainError):
    """Whoever proposed an act cannot be the one who confirms it."""

    code = "needs_second_person"


class NeedsReason(DomainError):
    """The act must say why."""

    code = "needs_reason"


class NotInForce(DomainError):
    """A rule cannot be put into force as it is."""

    code = "not_in_force"


class BeyondMaximum(DomainError):
    """The law sets a longest period too."""

    code = "beyond_maximum"


class AlreadyAgreed(DomainError):
    """Nothing would change."""

    code = "already_agreed"


class ContractGoverns(DomainError):
    """The facility has a contract, and what it says is changed by amending it."""

    code = "contract_governs"


class AlreadyProposed(DomainError):
    """A correction of the study waits for its decision."""

    code = "already_proposed"
