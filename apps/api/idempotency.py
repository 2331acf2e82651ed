"""Acts that are sent again are done once (draft-ietf-httpapi-idempotency-key-header).

The answer is kept in the transaction of the act, so that a crash keeps both or neither. It may hold what is told once:
it lies sealed by the key itself, of which the database has the digest alone.
"""

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken
from django.db import connection
from django.http import HttpResponse, HttpResponseBase
from django.utils.crypto import salted_hmac

from apps.api.models import KeptAnswer
from apps.core.clock import database_now
from apps.core.problems import problem
from apps.facilities.doors import FacilityRequest
from apps.facilities.tenancy import as_center, as_facility

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
_KEY = re.compile(r'"([!#-\[\]-~]{1,255})"|([!#-+\--\[\]-~]{1,255})')  # a string (RFC 9651, 3.3.3), or its bare content
_TOLD = ("Location",)


def once(request: FacilityRequest, act: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The answer of `act`, or the one that was given to the same request with this key in the last 24 hours.

    Refusals are not kept: they changed nothing, and the same key may be sent again.
    """
    found = _KEY.fullmatch(request.headers[HEADER].strip())
    if found is None:
        return problem(400, code="bad_idempotency_key", detail="An Idempotency-Key is a string of 1 to 255 characters")
    key = found[1] or found[2]
    with as_facility(request.facility):
        kept = KeptAnswer(
            facility=request.facility, caller=f"{request.actor.kind}:{request.actor.id}",
            key_sha256=sha256(key.encode()).digest(), request_sha256=_digest(request),
        )  # fmt: skip
        if not _is_mine(kept):
            return problem(409, code="in_progress", detail="The same is being done at this moment",
                           headers={"Retry-After": "1"})  # fmt: skip
        now = database_now()
        if before := _known(kept, now):
            return _again(before, kept, key)
        response = act()
        if response.status_code < 400:
            _keep(kept, response, key, now)
    return response


def forget_answers(*, now: datetime) -> None:
    """Delete what was kept long enough."""
    with as_center():
        KeptAnswer.objects.filter(kept_until__lte=now).delete()


def _is_mine(kept: KeptAnswer) -> bool:
    """Whether nobody else is at the same key: a lock that ends with the transaction."""
    name = f"answer/{kept.facility_id}/{kept.caller}/{kept.key_sha256.hex()}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def _known(kept: KeptAnswer, now: datetime) -> KeptAnswer | None:
    same = {"facility_id": kept.facility_id, "caller": kept.caller, "key_sha256": kept.key_sha256}
    return KeptAnswer.objects.filter(**same, kept_until__gt=now).first()


def _again(before: KeptAnswer, asked: KeptAnswer, key: str) -> HttpResponseBase:
    if bytes(before.request_sha256) != asked.request_sha256:
        return problem(422, code="idempotency_key_reused", detail="This key came with another request before")
    try:
        content = _sealing(key).decrypt(bytes(before.sealed))
    except InvalidToken:  # the center's secret key was changed meanwhile
        return problem(409, code="answer_lost", detail="This was done already; its answer cannot be read any more")
    response = HttpResponse(content, status=before.status)
    del response.headers["Content-Type"]
    for name, value in before.headers.items():
        response.headers[name] = value
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _keep(kept: KeptAnswer, response: HttpResponseBase, key: str, now: datetime) -> None:
    assert isinstance(response, HttpResponse)
    kept.status, kept.kept_until = response.status_code, now + KEPT
    kept.sealed = _sealing(key).encrypt(response.content)
    kept.headers = {name: response.headers[name] for name in ("Content-Type", *_TOLD) if name in response.headers}
    KeptAnswer.objects.bulk_create(
        [kept], update_conflicts=True, unique_fields=["facility", "caller", "key_sha256"],
        update_fields=["request_sha256", "status", "headers", "sealed", "kept_until"],
    )  # fmt: skip


def _digest(request: FacilityRequest) -> bytes:
    """Of what makes two requests the same."""
    told = f"{request.method} {request.get_full_path()} {request.content_type}\n"
    return sha256(told.encode() + request.body).digest()


def _sealing(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(salted_hmac("apps.api.idempotency", key, algorithm="sha256").digest()))
