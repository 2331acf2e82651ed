"""The mail that brings an invitation's link."""

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.core.letters import letter
from apps.facilities.invitations import VALIDITY
from apps.facilities.models import Invitation
from apps.facilities.reading import in_words_of


def mail_invitation(*, invitation: Invitation, secret: str) -> None:
    """Send the link to the invited address, in the language of who is known by it, else the facility's.

    Raises OSError (smtplib's errors are such) where the mail is not taken.

    Call it once the invitation is committed: a mail server may take its time, and a mail cannot be rolled back.
    """
    with in_words_of(User.objects.filter(email=invitation.email).first(), invitation.facility):
        _send(invitation, secret)


def _send(invitation: Invitation, secret: str) -> None:
    link = settings.PUBLIC_URL + reverse("accept_invitation", kwargs={"secret": secret})
    context = {"invitation": invitation, "facility": invitation.facility, "link": link, "days": VALIDITY.days}
    subject = _("Invitation to %(facility)s") % {"facility": invitation.facility.name}
    letter(subject, "invitations/mail", context, to=[invitation.email]).send()
