"""Deletion certificates: the center's signed word of what was deleted, why it could be, and that no copy is left."""

import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from django.conf import settings

from apps.audit.signing import NotSigned, checked, sign
from apps.retention.models import Disposition
from apps.vault.places import WHOLE, place
from apps.vault.spool import passing_folder

TYP = "medvault-deletion+jwt"
FOLDER = "certificates"
"""Of both places: what was deleted after a backup is known there, when the database that knew it is gone."""
log = logging.getLogger(__name__)


def certificate_of(disposition: Disposition) -> str:
    """A compact JWS (RFC 7515) about a deleted study: identifiers and digests, no name and no birth date."""
    return sign(_claims(disposition), typ=TYP)


def keep_certificate(disposition: Disposition) -> None:
    """Put the certificate beside the packs. Raises VaultUnavailable."""
    with passing_folder() as folder:
        path = folder / "certificate"
        path.write_text(disposition.certificate)
        for alias in ("primary", "replica"):
            place(alias).put(f"{FOLDER}/{number_of(disposition)}.jws", path)


def kept_certificates() -> Iterator[dict[str, Any]]:
    """The claims of every certificate that lies in either place. Raises VaultUnavailable."""
    seen = set()
    for alias in ("primary", "replica"):
        where = place(alias)
        for name in where.names(f"{FOLDER}/"):
            token = b"".join(where.pieces(name, 0, WHOLE)).decode(errors="replace")
            try:
                claims = checked(token, typ=TYP)
            except NotSigned:
                log.error("%s in the %s is no certificate of ours", name, alias)  # noqa: TRY400
                continue
            if claims["jti"] not in seen:
                seen.add(claims["jti"])
                yield claims


def _claims(disposition: Disposition) -> dict[str, Any]:
    assert disposition.deleted_at
    assert disposition.approved_at
    return {
        "iss": settings.PUBLIC_URL,
        "jti": str(uuid4()),
        "iat": int(disposition.deleted_at.timestamp()),
        "facility": disposition.facility.slug,
        "number": number_of(disposition),
        "study_instance_uid": disposition.study_instance_uid,
        "study_date": disposition.study_date and disposition.study_date.isoformat(),
        "modalities": disposition.modalities,
        "kept_until": disposition.kept_until.isoformat(),
        "floor": disposition.governing,
        "expired_at": disposition.created_at.isoformat(timespec="seconds"),
        "approved_at": disposition.approved_at.isoformat(timespec="seconds"),
        "approved_by": disposition.decision,
        "deleted_at": disposition.deleted_at.isoformat(timespec="seconds"),
        "confirmed_absent": ["primary", "replica"],
        "packs": disposition.contents["packs"],
    }


def number_of(disposition: Disposition) -> str:
    """The certificate's number."""
    return f"{disposition.facility.slug}-{disposition.pk}"
