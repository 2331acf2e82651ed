"""A share link is given out: made, told once, and its code mailed where that was wished.

The mail neither holds the link nor names the patient.
"""

import logging
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.facilities.models import Facility
from apps.facilities.reading import in_words_of
from apps.facilities.tenancy import as_facility
from apps.orders.models import Order
from apps.orders.sharing import address_of, contact_of, make_link

log = logging.getLogger(__name__)


class Given(NamedTuple):
    """What is told now and never again. `contact`: where the code was to be mailed, if anywhere."""

    address: str
    code: str
    asks_birth_date: bool
    contact: str
    is_mailed: bool


def give_link(order: Order, *, actor: Actor, now: datetime, by: User | None = None) -> Given:
    """Outside of a transaction: it has its own, and mails once that is committed. Raises NothingOffered."""
    facility = order.facility
    with as_facility(facility):
        contact = contact_of(order)
        made = make_link(order, by=by, actor=actor, now=now)
    code = spoken(made.code)
    is_mailed = bool(contact) and _mailed(code, facility=facility, to=contact)
    return Given(address_of(made.token), code, made.link.asks_birth_date, contact, is_mailed)


def spoken(code: str) -> str:
    """In groups of four, to be read and told."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


def _mailed(code: str, *, facility: Facility, to: str) -> bool:
    """Whether the mail server took it."""
    with in_words_of(None, facility):
        subject = _("Your code from %(facility)s") % {"facility": " ".join(facility.name.split())}
        body = render_to_string("receiver/code_mail.txt", {"facility": facility, "code": code})
    try:
        send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [to])
    except OSError as error:  # smtplib's errors are such
        log.warning("The code of a share link was not mailed: %s", type(error).__name__)
        return False
    return True
