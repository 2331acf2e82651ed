"""Telling facilities that a card was declined, or that its holder must confirm."""

import logging
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.billing.letters import send_letter
from apps.billing.models import AttemptState, PaymentAttempt
from apps.facilities.reading import in_words_of
from apps.facilities.tenancy import as_center

REFUSED = (AttemptState.DECLINED, AttemptState.NEEDS_ACTION)
log = logging.getLogger(__name__)


def tell_of_cards(*, now: datetime) -> int:
    """One letter for each attempt that was refused and not told of; how many."""
    with as_center():
        untold = list(
            PaymentAttempt.objects.filter(state__in=REFUSED, told_at=None).order_by("pk").values_list("pk", flat=True)
        )
    return sum(_tell(key, now=now) for key in untold)


def _tell(key: int, *, now: datetime) -> bool:
    """The row is held meanwhile; a letter that is not taken is tried again."""
    try:
        with as_center():
            held = PaymentAttempt.objects.select_for_update(skip_locked=True, of=("self",))
            attempt = held.filter(pk=key, told_at=None).first()
            if attempt is None:
                return False
            PaymentAttempt.objects.filter(pk=key).update(told_at=now)
            invoice = attempt.invoice
            link = settings.PUBLIC_URL + reverse("portal:card", kwargs={"facility_slug": invoice.facility.slug})
            with in_words_of(None, invoice.facility):
                return send_letter(
                    invoice, subject=_("The card could not be charged"), template="billing/card_declined",
                    needs_action=attempt.state == AttemptState.NEEDS_ACTION, link=link,
                )  # fmt: skip
    except OSError as error:  # smtplib's errors are such
        log.error("Attempt %s could not be told of: %s", key, type(error).__name__)  # noqa: TRY400
        return False
