"""Letters by e-mail, sent by any number of workers; what is due for one reader at the same time is one letter.

So a daily digest, the end of quiet hours, and a mail server that comes back after a day bring one letter and no flood.
A worker claims letters by putting off their next try, sends outside of any transaction, and notes that they went.
Killed after the server took one and before that is noted, it goes twice, with the same Message-ID.
"""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.models import User
from apps.core.letters import letter
from apps.facilities.models import Facility, Membership
from apps.facilities.reading import in_words_of
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import TELLING, Kind
from apps.notifications.models import Letter
from apps.notifications.wording import in_words

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=2), timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=7)
MOST_IN_ONE = 50
NO_LONGER_TOLD = "No longer told"
REFUSALS = (SMTPRecipientsRefused, SMTPDataError)
log = logging.getLogger(__name__)


class _Reader(NamedTuple):
    user_id: int
    facility_id: int | None


def mail_letters(*, now: datetime) -> int:
    """Send what is due; returns how many notifications went out. Where the mail server is away, all of it waits."""
    sent = 0
    for reader in _due(now):
        claimed = _claim(reader, now)
        if not claimed:
            continue
        try:
            message = _compose(reader, claimed)
            if message:
                message.send()
        except REFUSALS as error:
            _note(claimed, problem=type(error).__name__)
            log.warning("A letter to person %d was refused: %s", reader.user_id, type(error).__name__)
        except OSError as error:  # smtplib's errors are such
            _note(claimed, problem=type(error).__name__)
            log.error("Letters wait, the mail server is away: %s", type(error).__name__)  # noqa: TRY400
            break
        else:
            _note(claimed, **({"sent_at": now} if message else {"problem": NO_LONGER_TOLD}), due_at=None)
            sent += len(claimed) if message else 0
    return sent


def _due(now: datetime) -> list[_Reader]:
    with as_center():
        due = Letter.objects.filter(due_at__lte=now).values_list("user_id", "facility_id")
        return [_Reader(*each) for each in due.order_by("user_id", "facility_id").distinct()]


def _claim(reader: _Reader, now: datetime) -> list[Letter]:
    with as_center():
        due = Letter.objects.select_for_update(skip_locked=True, of=("self",)).select_related("notification")
        claimed = list(
            due.filter(user=reader.user_id, facility_id=reader.facility_id, due_at__lte=now).order_by("pk")[
                :MOST_IN_ONE
            ]
        )
        for each in claimed:
            is_binding = TELLING[Kind(each.notification.kind)].is_binding
            is_last = not is_binding and now - each.notification.told_at > GIVEN_UP_AFTER
            each.due_at = None if is_last else now + min(FIRST_WAIT * 2**each.attempts, LONGEST_WAIT)
            each.attempts += 1
        Letter.objects.bulk_update(claimed, ["due_at", "attempts"])
    return claimed


def _note(letters: list[Letter], **noted: object) -> None:
    with as_center():
        Letter.objects.filter(pk__in=[each.pk for each in letters]).update(**{"problem": ""} | noted)


def _compose(reader: _Reader, letters: list[Letter]) -> EmailMultiAlternatives | None:
    """One letter about all of it; none to somebody who is not to read it any more."""
    with as_center():
        user = User.objects.get(pk=reader.user_id)
        facility = Facility.objects.filter(pk=reader.facility_id).first() if reader.facility_id else None
        is_member = Membership.objects.filter(facility=facility, user=user).exists() if facility else user.is_staff
    if not (user.is_active and is_member):
        return None
    with in_words_of(user, facility):
        tidings = [in_words(each.notification) for each in letters]
        number = len(tidings)
        context = {
            "tidings": tidings,
            "facility": facility,
            "link": tidings[0].url if number == 1 else _inbox(facility),
            "preferences_url": settings.PUBLIC_URL + reverse("notification_preferences"),
        }
        title = tidings[0].title if number == 1 else ngettext("%d notification", "%d notifications", number) % number
        of = facility.name if facility else _("Image storage center")
        host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
        return letter(
            f"{title}: {of}", "notifications/letter", context, to=[user.email],
            headers={"Message-ID": f"<letter-{letters[0].pk}-{number}@{host}>"}, connection=get_connection(),
        )  # fmt: skip


def _inbox(facility: Facility | None) -> str:
    path = (
        reverse("portal:inbox", kwargs={"facility_slug": facility.slug})
        if facility
        else reverse("admin:notifications_inbox")
    )
    return settings.PUBLIC_URL + path
