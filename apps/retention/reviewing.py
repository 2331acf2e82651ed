"""Until when a file that is set aside is left alone: what it shows is not known, and so every floor counts."""

from datetime import date, timedelta

from apps.collection.models import ReceivedFile
from apps.core.clock import day_of
from apps.core.periods import FOREVER
from apps.retention.assessing import assess_study
from apps.retention.facts import PatientFacts, StudyFacts
from apps.retention.law import Law, law_of, rules_in_force

AT_LEAST = timedelta(days=365)


def review_day(file: ReceivedFile, *, as_of: date) -> date:
    """When a file that is set aside on a day is to be decided on again: after its last floor, a year on at least."""
    came_at = file.collection.received_at or file.collection.opened_at
    received_on = day_of(came_at, file.facility.time_zone)
    until = last_floor(received_on, law_of(file.facility, rules_in_force()))
    return max(until, as_of + AT_LEAST)


def last_floor(received_on: date, law: Law) -> date:
    """The day after the last floor of an image of which nothing is known but its reception.

    It is of any kind that a rule is about, and all that a period may run from happened on that day. How old the patient
    was is not known: where that lengthens a period, whoever looks again must know better.
    """
    told = PatientFacts(events={terms.start: (received_on,) for terms in law.rules})
    until = assess_study(StudyFacts(received_on, received_on, exam_is_believed=False), told, law, ()).certain_until
    if until is None:
        return received_on
    return until if until == FOREVER else until + timedelta(days=1)
