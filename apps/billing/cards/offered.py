"""Whether the center takes cards, and the gateway through which it does."""

from django.conf import settings
from django.utils.translation import gettext as _

from apps.billing.cards.gateway import Gateway
from apps.billing.errors import CardsNotOffered


def is_offered() -> bool:
    """Whether the center takes cards: it does with a key of Stripe's."""
    return bool(settings.STRIPE_API_KEY)


def gateway() -> Gateway:
    """Stripe as the settings say. Raises CardsNotOffered."""
    if not is_offered():
        raise CardsNotOffered(_("The center takes no cards. Please pay by bank transfer."))
    from apps.billing.cards.stripe_gateway import StripeGateway  # noqa: PLC0415 loads the SDK, for who takes cards alone

    return StripeGateway(settings.STRIPE_API_KEY, settings.STRIPE_API_BASE)
