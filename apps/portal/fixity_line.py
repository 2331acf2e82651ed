"""What the first page says about the copies: one sentence."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.shown import day
from apps.vault.standing import Fixity


def fixity_line(fixity: Fixity) -> str:
    """When every pack was last verified in both places; '' while none is."""
    if not (fixity.verified_oldest_at and fixity.verified_newest_at):
        return ""
    if fixity.open_findings:
        sentence = ngettext(
            "The only pack was last found good in both places %(period)s.",
            "%(packs)d packs were last found good in both places %(period)s.",
            fixity.packs,
        )
    else:
        sentence = ngettext(
            "The only pack was last read and verified in both places %(period)s.",
            "All %(packs)d packs were last read and verified in both places %(period)s.",
            fixity.packs,
        )
    return sentence % {"packs": fixity.packs, "period": _period(fixity.verified_oldest_at, fixity.verified_newest_at)}


def _period(oldest: datetime, newest: datetime) -> str:
    first, last = (day(at) for at in (oldest, newest))
    if first == last:
        return _("on %(day)s") % {"day": first}
    return _("between %(first)s and %(last)s") % {"first": first, "last": last}
