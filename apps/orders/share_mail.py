"""The mail that brings a share link's code: it neither holds the link nor names the patient."""

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from apps.facilities.models import Facility
from apps.facilities.reading import in_words_of

log = logging.getLogger(__name__)


def mail_code(*, facility: Facility, code: str, to: str) -> bool:
    """Send it; whether the mail server took it. Call it once the link is committed: a mail cannot be rolled back."""
    with in_words_of(None, facility):
        subject = _("Your code from %(facility)s") % {"facility": " ".join(facility.name.split())}
        body = render_to_string("receiver/code_mail.txt", {"facility": facility, "code": code})
    try:
        send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [to])
    except OSError as error:  # smtplib's errors are such
        log.warning("The code of a share link was not mailed: %s", type(error).__name__)
        return False
    return True
