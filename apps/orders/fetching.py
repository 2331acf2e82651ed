"""What an order gave out, on its way to who fetches it: in parts where wanted, on record."""

from datetime import datetime
from functools import partial

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.audit.record import Actor, record
from apps.core.ranges import in_parts
from apps.orders.errors import NothingOffered
from apps.orders.kinds import KINDS
from apps.orders.models import Order, Output
from apps.orders.outputs import offered_output, pieces


def taken(order: Order, *, actor: Actor, now: datetime) -> Output:
    """What the facility fetches, within the caller's transaction. Raises NothingOffered."""
    output = offered_output(order, now=now)
    if output is None or not KINDS[order.kind].is_fetched:
        raise NothingOffered
    record(
        "order.downloaded", actor=actor, object_type="order", object_id=order.pk, facility_id=order.facility_id,
        production=output.number,
    )  # fmt: skip
    return output


def as_answer(request: HttpRequest, order: Order, output: Output) -> HttpResponseBase:
    """The file, or the range of it that is asked for; it may stream after the caller's transaction."""
    kind, etag = KINDS[order.kind], f'"{bytes(output.sha256 or b"").hex()}"'
    response = in_parts(
        request, partial(pieces, output), size=output.size_bytes, etag=etag, content_type=kind.content_type
    )
    response["Cache-Control"] = "no-store"
    response["Content-Disposition"] = f'attachment; filename="{order}{kind.suffix}"'
    return response
