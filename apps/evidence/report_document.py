"""An evidence report as a document for an inspector: PDF/A with the signed facts within."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.audit.record import Actor, record
from apps.collection.models import Method, ReceiptKind
from apps.core.documents import typeset
from apps.evidence.access import LOOKS
from apps.evidence.models import Report
from apps.orders.models import OrderKind
from apps.vault.models import Damage, Resolution

TEMPLATE = Path(__file__).with_name("report.typ")
Facts = list[list[str]]


def report_pdf(report: Report) -> bytes:
    """The document of a report that is ready; the same bytes each time in one language."""
    assert report.made_at
    return typeset(TEMPLATE, _told(report), at=report.made_at)


def fetch(report: Report, form: str, *, actor: Actor) -> bytes:
    """The document (`pdf`) of a report that is ready, or its signed facts alone (`jws`). It is on record."""
    content = report_pdf(report) if form == "pdf" else report.jws.encode()
    record("evidence_report.fetched", actor=actor, object_type="evidence_report", object_id=report.pk,
           facility_id=report.facility_id, form=form)  # fmt: skip
    return content


def _told(report: Report) -> dict[str, Any]:
    facts = report.facts
    log = facts["log"]
    return {
        "language": (get_language() or "en")[:2],
        "title": _("Evidence report"),
        "center": _("Image storage center, %(url)s") % {"url": settings.PUBLIC_URL},
        "number": f"{report} · {report.facility.slug}",
        "subject": _("%(facility)s, %(first)s to %(last)s")
        % {"facility": report.facility.name, "first": report.first_on, "last": report.last_on},
        "summary": _(
            "What the center keeps for the facility, what it received, gave out and deleted in the period, who saw "
            "images, how the copies were verified, and the signed state of the record that all this comes from. "
            "It holds no patient's name."
        ),
        "sections": [_kept(facts["kept"]), _received(facts["received"]), _given_out(facts["given_out"]),
                     _deleted(facts["deleted"]), _access(facts["access"]), _fixity(facts["fixity"])],
        "root_title": _("The record"),
        "root_text": _log(log),
        "root": log["root"],
        "check_title": _("How to check this report"),
        "check": _check(),
        "jws": report.jws,
    }  # fmt: skip


def _section(title: str, facts: Facts, text: str = "", columns: list[str] | None = None,
             rows: Facts | None = None) -> dict[str, Any]:  # fmt: skip
    return {"title": title, "text": text, "facts": facts, "columns": columns or [], "rows": rows or []}


def _kept(told: dict[str, Any]) -> dict[str, Any]:
    return _section(
        _("Kept when this report was made"),
        [
            [_("As of"), _time(told["as_of"])],
            [_("Studies"), _number(told["studies"])],
            [_("Images"), f"{_number(told['images'])}, {filesizeformat(told['bytes'])}"],
            [_("Patients"), _number(told["patients"])],
            [_("Packages verified in two places"),
             f"{_number(told['packs_in_two_places'])} / {_number(told['packs'])}"],
            [_("Every package was read and found good since"), _time(told["every_pack_verified_since"])],
            [_("Last reading that found both copies good"), _time(told["last_verified"])],
        ],
    )  # fmt: skip


def _received(told: dict[str, Any]) -> dict[str, Any]:
    return _section(
        _("Received in the period"),
        [
            [_("Collections"), _number(told["collections"])],
            *_indented(_by(told["by_method"], Method)),
            [_("Collections stored in two places"), _number(told["in_two_places"])],
            [_("Images newly stored"), f"{_number(told['stored'])}, {filesizeformat(told['bytes'])}"],
            [_("Images known already"), _number(told["duplicates"])],
            [_("Images in conflict, both kept"), _number(told["conflicts"])],
            [_("Files that could not be read, kept"), _number(told["quarantined"])],
            *[[_("Receipts: %(kind)s") % {"kind": name}, count] for name, count in _by(told["receipts"], ReceiptKind)],
        ],
    )


def _given_out(told: dict[str, Any]) -> dict[str, Any]:
    facts = [[_("Orders"), _number(told["orders"])], *_indented(_by(told["by_kind"], OrderKind))]
    return _section(_("Given out in the period"), [*facts, [_("Images"), _number(told["images"])]])


def _deleted(told: dict[str, Any]) -> dict[str, Any]:
    listed = told["certificates"]
    text = _("Every deletion has a certificate, signed when both copies were confirmed absent.")
    if told["studies"] > len(listed):
        text += " " + _("The first %(count)s are listed.") % {"count": len(listed)}
    return _section(
        _("Deleted in the period"),
        [
            [_("Studies"), _number(told["studies"])],
            [_("Images"), f"{_number(told['images'])}, {filesizeformat(told['bytes'])}"],
        ],
        text if told["studies"] else "",
        [_("Certificate"), _("Study Instance UID"), _("Kept until"), _("Deleted")],
        [[number, uid, until, at[:10]] for number, uid, until, at in listed],
    )


def _access(told: dict[str, Any]) -> dict[str, Any]:
    actions = sorted(told["by_action"].items(), key=lambda each: -each[1])
    kinds = {
        "user": _("by people"), "token": _("by devices"), "receiver": _("by receivers of share links"),
        "process": _("by the center's programs"), "operator": _("by operators"),
    }  # fmt: skip
    return _section(
        _("Looks at images in the period"),
        [
            [_("Looks on record"), _number(told["events"])],
            [_("People who looked"), _number(told["people"])],
            *_indented(
                [[kinds.get(kind, kind), _number(count)] for kind, count in sorted(told["by_kind_of_actor"].items())]
            ),
            *[[str(LOOKS.get(action, action)), _number(count)] for action, count in actions],
        ],
        _("Each with person or device, time and address, in the access record of the facility's portal."),
    )


def _fixity(told: dict[str, Any]) -> dict[str, Any]:
    return _section(
        _("Verification of the copies"),
        [
            [_("Both copies are read again within"), _("%(days)s days") % {"days": told["read_again_within_days"]}],
            [_("Packages read again in the period"), _number(told["packs_read"])],
            [_("Packages not read in time, now"), _number(told["packs_not_read_in_time"])],
            [_("Last reading"), _time(told["last_reading"])],
            *[[_("Found: %(what)s") % {"what": name}, count] for name, count in _by(told["findings"], Damage)],
            *[[_("Resolved: %(how)s") % {"how": name}, count] for name, count in _by(told["resolved"], Resolution)],
            [_("Damaged now"), _number(told["damaged_now"])],
        ],
    )


def _log(told: dict[str, Any]) -> str:
    text = _(
        "%(events)s events until %(until)s are the leaves of a Merkle tree (RFC 9162, SHA-256). Its root, below, is "
        "signed in this report: an event that is changed, removed or put in later gives another root."
    ) % {"events": _number(told["events"]), "until": _time(told["until"])}
    if told["is_unchanged"]:
        return text + " " + _("For this report the whole record was read again, and it has this root.")
    return text + " " + _("THE RECORD, READ AGAIN FOR THIS REPORT, DOES NOT HAVE THIS ROOT: IT WAS CHANGED.")


def _check() -> list[str]:
    return [
        _("The signed facts are attached to this file as report.jws (JWS, EdDSA). Save the attachment."),
        _("Fetch the center's public keys from %(url)s/.well-known/medvault-jwks.json, or use those that the facility "
          "kept.") % {"url": settings.PUBLIC_URL},
        _("Run: medvault-edge verify --keys medvault-jwks.json report.jws - or check it with any JOSE library. The "
          "figures in it are those of this document."),
        _("Compare the root with that of checkpoints which the facility kept from earlier: of two of the same time the "
          "roots are equal."),
    ]  # fmt: skip


def _by(counts: dict[str, int], names: Any) -> Facts:
    labels = {each.value: str(each.label) for each in names}
    return [[labels.get(key, key), _number(count)] for key, count in sorted(counts.items())]


def _indented(facts: Facts) -> Facts:
    return [[f"- {name}", value] for name, value in facts]


def _number(count: int) -> str:
    return f"{count:,}"


def _time(text: str | None) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC" if text else "-"
