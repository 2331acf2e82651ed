"""What would change if other rules governed: counted before they are put into force, and nothing is written."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import partial

from apps.catalog.models import Patient
from apps.facilities.models import Facility
from apps.retention.assessing import Known, assess_study, extensions_of, read_known
from apps.retention.assessment_queue import facilities_of
from apps.retention.clocks import database_today
from apps.retention.facts import PatientFacts, StudyFacts
from apps.retention.floors import Assessment
from apps.retention.law import Law, law_of, rules_in_force
from apps.retention.models import Retention, Rule
from apps.retention.rules import RuleTerms

MOST_OF_FACILITY = 20_000  # studies
MOST = 100_000
SAMPLES = 4  # of each effect at a facility
_AT_ONCE = 500  # patients


class Effect(StrEnum):
    """What a change of the law does to a study."""

    NONE = "none"
    LONGER = "longer"
    UNKNOWN = "unknown"
    KNOWN = "known"
    EARLIER = "earlier"


@dataclass(frozen=True, slots=True)
class Sample:
    """A study that a change concerns; dates are None where the end is, or would be, unknown."""

    study_id: int
    facility: Facility
    effect: Effect
    until_now: date | None
    until_then: date | None
    missing_now: tuple[str, ...]
    missing_then: tuple[str, ...]


@dataclass(slots=True)
class Change:
    """What would change at one facility. `over`: newly known, and their end has passed already."""

    facility: Facility
    studies: int = 0
    bound: int = 0
    over: int = 0
    effects: Counter[Effect] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class _Swap:
    """Two states of the law of one facility, and the rules that make the difference."""

    now: Law
    then: Law
    subject: Sequence[RuleTerms]
    today: date


def preview_enabling(rules: Sequence[Rule]) -> list[Change]:
    """What would change if these were put into force; earlier versions of them would retire."""
    now = rules_in_force()
    keys = {rule.key for rule in rules}
    replaced = [terms for terms in now if terms.key in keys]
    made = [rule.terms for rule in rules]
    then = (*(terms for terms in now if terms.key not in keys), *made)
    places = {place for terms in (*made, *replaced) for place in terms.jurisdictions}
    return list(_changes(now, then, made, places))


def preview_retiring(rule: Rule) -> list[Change]:
    """What would change if this one retired without a successor."""
    now = rules_in_force()
    then = tuple(terms for terms in now if terms.key != rule.key)
    return list(_changes(now, then, [rule.terms], rule.jurisdictions))


def effect_of(kept_until: date | None, now: Assessment, then: Assessment) -> Effect:
    """The effect on a study. What is kept until a day stays kept until then, whatever the rules would give."""
    if then.missing:
        return Effect.NONE if now.missing else Effect.UNKNOWN
    if now.missing:
        return Effect.KNOWN
    until_now, until_then = now.certain_until or date.min, then.certain_until or date.min
    if until_then > max(kept_until or date.min, until_now):
        return Effect.LONGER
    return Effect.EARLIER if until_then < until_now else Effect.NONE


def _changes(
    now: tuple[RuleTerms, ...], then: tuple[RuleTerms, ...], subject: Sequence[RuleTerms], places: Iterable[str]
) -> Iterator[Change]:
    left, today = MOST, database_today()
    for facility in facilities_of(places).order_by("name", "pk"):
        then_law = law_of(facility, then)
        binding = [terms for terms in subject if terms.binds_facility(then_law.facility)]
        change = _change(facility, _Swap(law_of(facility, now), then_law, binding, today), min(left, MOST_OF_FACILITY))
        left -= change.studies
        yield change


def _change(facility: Facility, swap: _Swap, most: int) -> Change:
    change = Change(facility)
    for known in _patients(facility):
        if change.studies >= most:
            change.is_cut = True
            break
        extensions = extensions_of(facility.pk, known)
        kept = _kept(facility.pk, known)
        for patient in known.values():
            count = partial(_count, change, swap, patient.facts)
            for key, study in patient.studies:
                count(key, study, kept.get(key), extensions.get(key, ()))
    return change


def _patients(facility: Facility) -> Iterator[dict[int, Known]]:
    """All patients of a facility with their studies, some at a time; nothing is locked."""
    last = 0
    while True:
        page = Patient.objects.filter(facility_id=facility.pk, pk__gt=last).order_by("pk")
        known = {pk: Known(born_on) for pk, born_on in page.values_list("pk", "birth_date")[:_AT_ONCE]}
        if not known:
            return
        read_known(facility, known)
        yield known
        last = max(known)


def _kept(facility_id: int, known: dict[int, Known]) -> dict[int, date | None]:
    studies = [key for each in known.values() for key, _ in each.studies]
    rows = Retention.objects.filter(facility_id=facility_id, study_id__in=studies)
    return dict(rows.values_list("study_id", "certain_until"))


def _count(
    change: Change, swap: _Swap, patient: PatientFacts, key: int, study: StudyFacts, kept: date | None,
    extensions: Iterable[date],
) -> None:  # fmt: skip
    now, then = (assess_study(study, patient, law, extensions) for law in (swap.now, swap.then))
    effect = effect_of(kept, now, then)
    change.studies += 1
    change.bound += any(terms.binds_study(study) for terms in swap.subject)
    change.effects[effect] += 1
    until_now, until_then = _until(kept, now), _until(kept, then)
    change.over += effect == Effect.KNOWN and until_then is not None and until_then < swap.today
    if effect != Effect.NONE and change.effects[effect] <= SAMPLES:
        shown = then.certain_until if effect == Effect.EARLIER else until_then
        change.samples.append(Sample(key, change.facility, effect, until_now, shown, now.missing, then.missing))


def _until(kept: date | None, found: Assessment) -> date | None:
    """Until when it is kept: the later of what is on record and what the rules give."""
    if found.missing:
        return None
    return max(filter(None, (kept, found.certain_until)), default=None)
