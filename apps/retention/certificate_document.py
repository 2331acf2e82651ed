"""A deletion certificate as a document to file: PDF/A with the signed JWS within."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from apps.core.documents import typeset
from apps.facilities.reading import in_words_of
from apps.retention.certificates import number_of
from apps.retention.explaining import explain, in_words
from apps.retention.models import Disposition

TEMPLATE = Path(__file__).with_name("certificate.typ")
DECISIONS = {
    "facility": gettext_lazy("by the facility"),
    "contract": gettext_lazy("by the contract"),
    "silence": gettext_lazy("by silence, as agreed"),
    "contract_end": gettext_lazy("by the end of the contract, returned and confirmed"),
}


def certificate_pdf(disposition: Disposition) -> bytes:
    """The certificate of a deleted study in its facility's language, the same bytes each time."""
    assert disposition.deleted_at
    with in_words_of(None, disposition.facility):
        told = _told(disposition)
    return typeset(TEMPLATE, told, at=disposition.deleted_at)


def _told(disposition: Disposition) -> dict[str, Any]:
    files = [file for pack in disposition.contents["packs"] for file in pack["files"]]
    return {
        "language": get_language(),
        "title": _("Deletion certificate"),
        "center": _("Image storage center, %(url)s") % {"url": settings.PUBLIC_URL},
        "number": number_of(disposition),
        "summary": _(
            "The study below was deleted after its storage period had ended. Both copies were removed and confirmed "
            "absent."
        ),
        "facts": _facts(disposition),
        "files_title": _("What was deleted"),
        "columns": [_("SOP Instance UID and SHA-256"), _("Size")],
        "files": [[file["sop_instance_uid"], file["sha256"], filesizeformat(file["length"])] for file in files],
        "verify": _(
            "The signed original (JWS, EdDSA) is attached to this file as certificate.jws. Any JOSE library checks it "
            "with the keys at %(url)s/.well-known/medvault-jwks.json."
        )
        % {"url": settings.PUBLIC_URL},
        "jws": disposition.certificate,
    }


def _facts(disposition: Disposition) -> list[list[str]]:
    assert disposition.approved_at
    assert disposition.deleted_at
    governing = disposition.governing
    law = governing.get("citation") or governing.get("rule", "")
    return [
        [_("Number"), number_of(disposition)],
        [_("Facility"), disposition.facility.name],
        [_("Study Instance UID"), disposition.study_instance_uid],
        [_("Study date"), in_words(disposition.study_date) if disposition.study_date else "-"],
        [_("Modalities"), ", ".join(disposition.modalities) or "-"],
        [_("Images"), f"{disposition.instance_count}, {filesizeformat(disposition.size_bytes)}"],
        [_("Kept until"), f"{in_words(disposition.kept_until)}: {explain(governing) if governing else ''} ({law})"],
        [_("Approved"), f"{_time(disposition.approved_at)}, {DECISIONS.get(disposition.decision, '')}"],
        [_("Deleted"), _time(disposition.deleted_at)],
    ]


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
