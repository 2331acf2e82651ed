"""Why something about webhooks is refused."""

from django.utils.translation import gettext as _

from apps.core.errors import DomainError


class UnusableAddress(DomainError):
    """Nothing is posted there."""

    code = "unusable_address"

    def __init__(self) -> None:
        super().__init__(_("The address must begin with https:// and name a host of the Internet."))


class TooManyWebhooks(DomainError):
    """A facility has as many as it may."""

    code = "too_many_webhooks"

    def __init__(self) -> None:
        super().__init__(_("There are as many webhooks as a facility may have. Revoke one first."))


class WebhookEnded(DomainError):
    """It was revoked, or is switched off."""

    code = "webhook_ended"

    def __init__(self) -> None:
        super().__init__(_("This webhook has been revoked, or is switched off."))
