"""The center's signed statement about an output: which files it holds, and their digests (JWS, docs/orders.md)."""

from collections.abc import Sequence

from django.conf import settings

from apps.audit.signing import sign
from apps.orders.manifest import Entry
from apps.orders.models import Order

TYP = "medvault-output+jwt"


def signed_statement(order: Order, files: Sequence[Entry]) -> str:
    """About the files of an output, by their names in it. Issued as of the request: a redo says the same."""
    return sign(
        {
            "iss": settings.PUBLIC_URL,
            "order": str(order.uid),
            "facility": order.facility.slug,
            "kind": order.kind,
            "requested_at": order.requested_at.isoformat() if order.requested_at else None,
            "files": files,
        },
        typ=TYP,
    )
