"""Notices by e-mail: what has expired and waits for a facility's decision. Counts and dates, no patient data."""

import logging
from collections import defaultdict

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from apps.audit.record import SYSTEM, record
from apps.core.clock import database_now
from apps.facilities.members import owner_emails
from apps.facilities.models import Facility
from apps.facilities.reading import in_words_of
from apps.facilities.tenancy import as_center
from apps.retention.models import Disposition, State
from apps.retention.models.policies import policy_of

log = logging.getLogger(__name__)


def mail_notices() -> int:
    """Tell every facility's owners of what they have not been told, in one mail; returns how many were told."""
    return sum(map(_tell, _to_tell()))


def _to_tell() -> list[int]:
    with as_center():
        waiting = Disposition.objects.filter(state=State.NOTIFIED, told_at=None)
        return list(waiting.order_by("facility_id").values_list("facility_id", flat=True).distinct())


def _tell(facility_id: int) -> bool:
    """Whether this worker told the facility. The rows are held meanwhile; a mail that is not taken is tried again."""
    try:
        with as_center():
            untold = Disposition.objects.filter(facility_id=facility_id, state=State.NOTIFIED, told_at=None)
            held = list(untold.order_by("pk").select_for_update(skip_locked=True))
            owners = owner_emails(facility_id)
            if not (held and owners):
                return False
            Disposition.objects.filter(pk__in=[each.pk for each in held]).update(told_at=database_now())
            record("dispositions.told", actor=SYSTEM, object_type="facility", object_id=facility_id,
                   facility_id=facility_id, count=len(held))  # fmt: skip
            facility = Facility.objects.get(pk=facility_id)
            with in_words_of(None, facility):
                _mail(facility, held, owners)
    except OSError as error:  # smtplib's errors are such
        log.error("Notices of facility %s could not be mailed: %s", facility_id, type(error).__name__)  # noqa: TRY400
        return False
    return True


def _mail(facility: Facility, dispositions: list[Disposition], owners: list[str]) -> None:
    by_day = defaultdict[object, int](int)
    for each in dispositions:
        by_day[localtime(each.decide_by).date() if each.decide_by else None] += 1
    context = {
        "facility": facility,
        "count": len(dispositions),
        "days": sorted(by_day.items(), key=str),
        "silence": policy_of(facility.pk).on_silence,
        "link": settings.PUBLIC_URL + reverse("portal:expiring", kwargs={"facility_slug": facility.slug}),
    }
    subject = _("Images whose storage period has ended")
    message = EmailMultiAlternatives(
        subject=f"{subject}: {' '.join(facility.name.split())}",
        body=render_to_string("retention/mail.txt", context),
        to=owners,
    )
    message.attach_alternative(render_to_string("retention/mail.html", context), "text/html")
    message.send()
