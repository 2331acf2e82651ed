"""The document of a contract version, and its electronic signature by the facility's owner."""

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.contracts.agreeing import held
from apps.contracts.errors import IllegalTransition, MayNotSign
from apps.contracts.models import ContractVersion, Signature, State
from apps.contracts.telling import tell_of_agreement
from apps.contracts.wording import Line, prices, promises, terms
from apps.core.documents import typeset
from apps.core.shown import day
from apps.facilities.models import Membership, Role
from apps.facilities.reading import in_words_of
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell

TEMPLATE = Path(__file__).with_name("contract.typ")


def document(version: ContractVersion) -> bytes:
    """What was signed, or is to be: PDF/A in the facility's language, the same bytes each time."""
    signature = Signature.objects.filter(facility_id=version.facility_id, version=version).first()
    if signature:
        return bytes(signature.document)
    with in_words_of(None, version.facility):
        return typeset(TEMPLATE, _told(version, []), at=version.agreed_at)


def sign(
    version: ContractVersion, *, name: str, by: User, source_address: str | None, actor: Actor, now: datetime
) -> Signature:
    """An owner signs a version by writing their name, within the caller's transaction. Raises as below."""
    contract, written = held(version.contract), name.strip()
    if not Membership.objects.filter(facility_id=version.facility_id, user=by, role=Role.OWNER).exists():
        raise MayNotSign(_("An owner of the facility signs its contract"))
    if not written:
        raise MayNotSign(_("Whoever signs writes their name"))
    if contract.state == State.ENDED:
        raise IllegalTransition(_("The contract is over"))
    if Signature.objects.filter(facility_id=version.facility_id, version=version).exists():
        raise IllegalTransition(_("This version is signed already"))
    with in_words_of(None, version.facility):
        facts = [
            Line(_("Name"), written),
            Line(_("Signed in as"), by.email),
            Line(_("Time"), f"{now:%Y-%m-%d %H:%M:%S} UTC"),
            Line(_("From the address"), source_address or "-"),
        ]
        signed = typeset(TEMPLATE, _told(version, facts), at=now)
    signature = Signature.objects.create(
        facility_id=version.facility_id, version=version, name=written, signed_by=by, signed_at=now,
        source_address=source_address, document=signed, document_sha256=sha256(signed).digest(),
    )  # fmt: skip
    record("contract.signed", actor=actor, object_type="contract", object_id=contract.pk,
           facility_id=contract.facility_id, version=version.number, sha256=sha256(signed).hexdigest())  # fmt: skip
    tell(Kind.STAFF_CONTRACT_SIGNED, facility=contract.facility_id, about=("contract_version", version.pk),
         path=reverse("admin:contracts_contract_change", args=[contract.pk]))  # fmt: skip
    tell_of_agreement(version, contract.facility)
    return signature


def _told(version: ContractVersion, signature: list[Line]) -> dict[str, Any]:
    tier, price_list, facility = version.tier_version, version.price_list, version.facility
    return {
        "language": get_language(),
        "title": _("Contract on the storage of images"),
        "center": _("Image storage center, %(url)s") % {"url": settings.PUBLIC_URL},
        "number": str(version),
        "facts": [
            Line(_("Contract"), str(version.contract)),
            Line(_("Version"), str(version.number)),
            Line(_("Facility"), facility.name),
            Line(pgettext("postal", "Address"), facility.address or "-"),
            Line(_("Served from"), day(version.contract.starts_on)),
            Line(_("This version governs from"), day(version.effective_from)),
            Line(_("Tier"), str(tier)),
        ],
        "parts": [
            (_("What the center promises"), promises(tier)),
            (_("Prices before tax, of %(day)s, in %(currency)s") % {
                "day": day(price_list.effective_from), "currency": price_list.currency,
            }, prices(price_list)),
            (_("Terms"), terms(version)),
        ],
        "signature_title": _("Electronic signature"),
        "signature": signature,
        "unsigned": _("Not signed."),
    }  # fmt: skip
