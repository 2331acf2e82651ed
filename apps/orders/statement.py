"""The center's signed statement about an output: which files it holds, and their digests (JWS, docs/orders.md)."""

from collections.abc import Sequence

from django.conf import settings

from apps.audit.signing import sign
from apps.catalog.models import Instance
from apps.orders.models import Order

TYP = "medvault-output+jwt"


def signed_statement(order: Order, named: Sequence[tuple[str, Instance]]) -> str:
    """About the files of an output under their names in it. Issued as of the request: a redo says the same."""
    return sign(
        {
            "iss": settings.PUBLIC_URL,
            "order": str(order.uid),
            "facility": order.facility.slug,
            "kind": order.kind,
            "requested_at": order.requested_at.isoformat() if order.requested_at else None,
            "files": [
                {
                    "name": name,
                    "sha256": bytes(instance.sha256).hex(),
                    "length": instance.length_bytes,
                    "sop_instance_uid": instance.sop_instance_uid,
                }
                for name, instance in named
            ],
        },
        typ=TYP,
    )
