"""Deletion certificates: the center's signed word of what was deleted, why it could be, and that no copy is left."""

from typing import Any
from uuid import uuid4

from django.conf import settings

from apps.audit.signing import sign
from apps.retention.models import Disposition

TYP = "medvault-deletion+jwt"


def certificate_of(disposition: Disposition) -> str:
    """A compact JWS (RFC 7515) about a deleted study: identifiers and digests, no name and no birth date."""
    return sign(_claims(disposition), typ=TYP)


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
