"""The set of rules of a jurisdiction that can be put into force in one step: those whose text has been checked."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.core.locks import lock_names
from apps.retention.errors import NotInForce
from apps.retention.law import UNCONFIRMED, enable
from apps.retention.models import Rule


def set_of(jurisdiction: str) -> list[Rule]:
    """The checked rules (A and B) of a jurisdiction of which no version was ever in force, in their latest version."""
    return list(_ready().filter(jurisdictions__contains=[jurisdiction]).order_by("key"))


def sets() -> dict[str, int]:
    """How many rules the set of each jurisdiction has; of every jurisdiction that any rule is of."""
    ready = Counter(place for each in _ready().values_list("jurisdictions", flat=True) for place in each)
    return {place: ready[place] for place in jurisdictions()}


def jurisdictions() -> list[str]:
    """Those that any rule is of."""
    places = Rule.objects.values_list("jurisdictions", flat=True)
    return sorted({place for each in places for place in each})


def _ready() -> QuerySet[Rule]:
    governed = Rule.objects.filter(enabled_at__isnull=False).values("key")
    latest = Rule.objects.order_by("key", "-version").distinct("key").values("pk")
    return Rule.objects.filter(pk__in=latest).exclude(key__in=governed).exclude(confidence__in=UNCONFIRMED)


def enable_set(
    jurisdiction: str, *, shown: Collection[int], by: User, actor: Actor, now: datetime
) -> Sequence[Rule]:  # fmt: skip
    """Put the set into force, within the caller's transaction. Raises NotInForce where it is not the one `shown`."""
    lock_names([f"rule set/{jurisdiction}"])
    rules = set_of(jurisdiction)
    if not rules or {rule.pk for rule in rules} != set(shown):
        raise NotInForce(_("The set has changed since it was shown, or is in force already; look at it again"))
    for rule in rules:
        enable(rule, by=by, actor=actor, now=now)
    return rules
