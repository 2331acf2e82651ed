"""The law in force: which rules govern, and the acts that put one into force or end it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.core.locks import lock_names
from apps.facilities.models import Facility
from apps.retention.assessment_queue import request_assessment_of_jurisdictions
from apps.retention.errors import NeedsReason, NotInForce
from apps.retention.facts import FacilityFacts
from apps.retention.models import Confidence, Rule
from apps.retention.models.policies import minimum_period_of
from apps.retention.models.rules import definition_of
from apps.retention.rules import RuleTerms

UNCONFIRMED = frozenset({Confidence.SINGLE, Confidence.MEMORY})


@dataclass(frozen=True, slots=True)
class Law:
    """The rules that bind one facility; `has_subdivisions`: its country has states or provinces with their own."""

    facility: FacilityFacts
    rules: tuple[RuleTerms, ...]
    has_subdivisions: bool


def rules_in_force() -> tuple[RuleTerms, ...]:
    """All rules that govern now."""
    return tuple(rule.terms for rule in Rule.objects.filter(enabled_at__isnull=False, retired_at=None))


def law_of(facility: Facility, rules: tuple[RuleTerms, ...]) -> Law:
    """Those of the rules that bind the facility, and what its contract adds."""
    facts = FacilityFacts(facility.kind, facility.country, facility.subdivision, minimum_period_of(facility.pk))
    state_law = any(place.startswith(f"{facility.country}-") for rule in rules for place in rule.jurisdictions)
    return Law(facts, tuple(rule for rule in rules if rule.binds_facility(facts)), state_law)


def enable(rule: Rule, *, by: User, actor: Actor, now: datetime, confirmation: str = "") -> None:
    """Put a version into force; the one before it retires. Raises NotInForce, NeedsReason.

    A rule that rests on one source or on memory needs a statement of who confirmed it, and from what.
    """
    lock_names([f"rule/{rule.key}"])
    rule.refresh_from_db()
    if rule.enabled_at:
        raise NotInForce(_("This version was in force already; record another one"))
    if rule.confidence in UNCONFIRMED and not (confirmation or rule.confirmation).strip():
        raise NeedsReason(_("Say who confirmed this rule, and from which text"))
    newer = Rule.objects.filter(key=rule.key, version__gt=rule.version, enabled_at__isnull=False)
    if newer.exists():
        raise NotInForce(_("A newer version is or was in force"))
    for before in Rule.objects.filter(key=rule.key, enabled_at__isnull=False, retired_at=None):
        _retire(before, by=by, actor=actor, now=now)
    rule.enabled_at, rule.enabled_by = now, by
    rule.confirmation = confirmation.strip() or rule.confirmation
    rule.save(update_fields=["enabled_at", "enabled_by", "confirmation"])
    record("rule.enabled", actor=actor, object_type="rule", object_id=rule.pk, facility_id=None, rule=str(rule))
    request_assessment_of_jurisdictions(rule.jurisdictions)


def retire(rule: Rule, *, by: User, actor: Actor, now: datetime) -> None:
    """End a rule without another version. What is kept because of it stays kept."""
    lock_names([f"rule/{rule.key}"])
    rule.refresh_from_db()
    if not rule.is_in_force:
        raise NotInForce(_("The rule is not in force"))
    _retire(rule, by=by, actor=actor, now=now)


def new_version(rule: Rule, **changes: object) -> Rule:
    """Record another version of a rule, with these changes. It governs once it is enabled."""
    lock_names([f"rule/{rule.key}"])
    last = Rule.objects.filter(key=rule.key).order_by("-version").values_list("version", flat=True)[0]
    made = Rule(**(definition_of(rule) | changes | {"key": rule.key, "version": last + 1}))
    made.full_clean(exclude=["enabled_at", "enabled_by", "retired_at", "retired_by"])
    made.save()
    return made


def _retire(rule: Rule, *, by: User, actor: Actor, now: datetime) -> None:
    rule.retired_at, rule.retired_by = now, by
    rule.save(update_fields=["retired_at", "retired_by"])
    record("rule.retired", actor=actor, object_type="rule", object_id=rule.pk, facility_id=None, rule=str(rule))
    request_assessment_of_jurisdictions(rule.jurisdictions)
