"""Every address below /f/<slug>/, tried by every role and by strangers. A new address without an entry fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from apps.facilities.models import Facility, Role, Scope
from tests.facilities.objects import objects_of


@dataclass(frozen=True)
class Right:
    """Who may use an address: people of `role` and more; devices with `scope`, or `other`, each its `own` things alone
    or all.
    """

    method: str
    role: Role
    scope: Scope | None = None
    own: bool = False
    other: Scope | None = None

    @property
    def writes(self) -> bool:
        return self.method not in {"get", "head", "options"}


VIEW = Right("get", Role.VIEWER)
OWN = Right("post", Role.OWNER)
END = Right("delete", Role.OWNER)
READ = Right("get", Role.VIEWER, Scope.READ)
FOLLOW, PLACE = Right("get", Role.VIEWER, Scope.ORDERS_READ), Right("post", Role.MEMBER, Scope.ORDERS_PLACE)
DECIDE = Right("post", Role.MEMBER, Scope.PERIODS)
COLLECTIONS = Right("get", Role.VIEWER, Scope.COLLECTIONS)
HANDED_OVER = Right("get", Role.VIEWER, Scope.HANDOVER, own=True, other=Scope.COLLECTIONS)
REPORTED = Right("get", Role.VIEWER, Scope.REPORT, own=True, other=Scope.COLLECTIONS)
WISH = Right("post", Role.MEMBER, Scope.REPORT, own=True, other=Scope.REQUEST)
AUDIT, RECORD = Right("get", Role.VIEWER, Scope.AUDIT), Right("get", Role.OWNER, Scope.AUDIT)
TOLD = Right("get", Role.VIEWER, Scope.CARE, other=Scope.READ)
BILLING = Right("get", Role.MEMBER, Scope.BILLING)
RIGHTS: dict[str, list[Right]] = {
    "portal:dashboard": [VIEW],
    "portal:studies": [VIEW, Right("post", Role.VIEWER)],
    "portal:study": [VIEW],
    "portal:keep_study": [Right("post", Role.MEMBER)],
    "portal:release_hold": [Right("post", Role.MEMBER)],
    "portal:expiring": [VIEW],
    "portal:decide": [Right("post", Role.MEMBER)],
    "portal:certificate": [VIEW],
    "portal:certificate_document": [VIEW],
    "portal:care_event_list": [VIEW],
    "portal:note_care_events": [Right("post", Role.MEMBER)],
    "portal:care_events": [VIEW],
    "portal:tell_care_event": [Right("post", Role.MEMBER)],
    "portal:series": [VIEW],
    "portal:preview": [VIEW],
    "portal:download": [VIEW],
    "portal:facts": [VIEW],
    "portal:ohif": [VIEW],
    "portal:ohif_part": [VIEW],
    "portal:card": [Right("get", Role.OWNER)],
    "portal:enter_card": [OWN],
    "portal:card_entered": [Right("get", Role.OWNER)],
    "portal:choose_method": [OWN],
    "portal:pay_invoice": [OWN],
    "portal:orders": [VIEW],
    "portal:cart": [Right("get", Role.MEMBER), Right("post", Role.MEMBER)],
    "portal:sheet": [Right("get", Role.MEMBER)],
    "portal:choose": [Right("post", Role.MEMBER)],
    "portal:take_away": [Right("post", Role.MEMBER)],
    "portal:order": [VIEW],
    "portal:request_order": [Right("post", Role.MEMBER)],
    "portal:cancel_order": [Right("post", Role.MEMBER)],
    "portal:order_again": [Right("post", Role.MEMBER)],
    "portal:confirm_order": [Right("post", Role.MEMBER)],
    "portal:write_about_order": [Right("post", Role.MEMBER)],
    "portal:order_output": [VIEW],
    "portal:order_password": [Right("post", Role.MEMBER)],
    "portal:make_share_link": [Right("post", Role.MEMBER)],
    "portal:revoke_share_link": [Right("post", Role.MEMBER)],
    "portal:collections": [VIEW],
    "portal:collection": [VIEW],
    "portal:conflicts": [VIEW],
    "portal:receipt": [VIEW],
    "portal:shown_receipt": [VIEW],
    "portal:receipt_proof": [VIEW],
    "portal:keep_search": [Right("post", Role.VIEWER)],
    "portal:forget_search": [Right("post", Role.VIEWER)],
    "portal:accountability": [VIEW],
    "portal:checkpoint": [VIEW],
    "portal:access_record": [Right("get", Role.OWNER)],
    "portal:access_csv": [Right("get", Role.OWNER)],
    "portal:ask_report": [OWN],
    "portal:cancel_report": [OWN],
    "portal:report": [Right("get", Role.OWNER)],
    "portal:report_file": [Right("get", Role.OWNER)],
    "portal:terminals": [VIEW],
    "portal:terminal": [VIEW],
    "portal:ask_for_collection": [Right("post", Role.MEMBER)],
    "portal:withdraw_request": [Right("post", Role.MEMBER)],
    "portal:enrolment_code": [OWN],
    "portal:let_restore": [OWN],
    "portal:invoices": [Right("get", Role.MEMBER)],
    "portal:invoice": [Right("get", Role.MEMBER)],
    "portal:invoice_document": [Right("get", Role.MEMBER)],
    "portal:e_invoice": [Right("get", Role.MEMBER)],
    "portal:billing_details": [Right("get", Role.OWNER), OWN],
    "portal:plan": [Right("get", Role.MEMBER)],
    "portal:take_tier": [Right("get", Role.OWNER), OWN],
    "portal:sign_version": [Right("get", Role.OWNER), OWN],
    "portal:contract_document": [Right("get", Role.MEMBER)],
    "portal:end_plan": [OWN],
    "portal:keep_plan": [OWN],
    "portal:confirm_return": [OWN],
    "portal:inbox": [VIEW],
    "portal:bell": [VIEW],
    "portal:open_entry": [VIEW],
    "portal:read_all": [Right("post", Role.VIEWER)],
    "portal:webhooks": [Right("get", Role.OWNER), OWN],
    "portal:webhook": [Right("get", Role.OWNER)],
    "portal:test_webhook": [OWN],
    "portal:renew_webhook_secret": [OWN],
    "portal:switch_on_webhook": [OWN],
    "portal:revoke_webhook": [OWN],
    "portal:send_delivery_again": [OWN],
    "facilities:members": [VIEW],
    "facilities:set_role": [OWN],
    "facilities:remove_member": [OWN],
    "facilities:send_invitation": [OWN],
    "facilities:resend_invitation": [OWN],
    "facilities:withdraw_invitation": [OWN],
    "facilities:tokens": [Right("get", Role.OWNER), OWN],
    "facilities:revoke_token": [OWN],
    "dicomweb:studies": [Right("post", Role.MEMBER, Scope.STORE), READ],
    "dicomweb:study": [Right("post", Role.MEMBER, Scope.STORE), READ],
    "dicomweb:one_series": [READ],
    "dicomweb:instance": [READ],
    "dicomweb:thumbnail_of_study": [READ],
    "dicomweb:thumbnail_of_series": [READ],
    "dicomweb:thumbnail": [READ],
    "dicomweb:thumbnail_of_frame": [READ],
    "dicomweb:rendered": [READ],
    "dicomweb:rendered_frame": [READ],
    "dicomweb:frames": [READ],
    "dicomweb:metadata_of_study": [READ],
    "dicomweb:metadata_of_series": [READ],
    "dicomweb:metadata": [READ],
    "dicomweb:bulkdata": [READ],
    "dicomweb:series_of_study": [READ],
    "dicomweb:instances_of_study": [READ],
    "dicomweb:instances_of_series": [READ],
    "dicomweb:series": [READ],
    "dicomweb:instances": [READ],
    "api:terminals": [HANDED_OVER],
    "api:terminal": [REPORTED],
    "api:capacity": [REPORTED, Right("post", Role.VIEWER, Scope.REPORT, own=True)],
    "api:requests": [REPORTED, WISH],
    "api:withdraw_request": [WISH],
    "api:outlook": [COLLECTIONS],
    "api:outlooks": [COLLECTIONS],
    "api:enrolment_code": [OWN],
    "api:let_restore": [OWN],
    "api:uploads": [Right("post", Role.MEMBER, Scope.HANDOVER), Right("options", Role.MEMBER, Scope.HANDOVER)],
    "api:upload": [
        Right(method, Role.MEMBER, Scope.HANDOVER, own=True) for method in ("head", "patch", "delete", "options")
    ],
    "api:collections": [COLLECTIONS],
    "api:collection": [HANDED_OVER],
    "api:files_of_collection": [COLLECTIONS],
    "api:receipts_of_collection": [HANDED_OVER],
    "api:receipts": [HANDED_OVER],
    "api:proofs_of_collection": [HANDED_OVER],
    "api:studies": [READ],
    "api:search_studies": [Right("post", Role.VIEWER, Scope.READ)],
    "api:study": [READ],
    "api:extensions": [DECIDE],
    "api:holds": [DECIDE],
    "api:release_hold": [DECIDE],
    "api:storage_periods": [READ],
    "api:decisions": [READ, DECIDE],
    "api:preview_decisions": [DECIDE],
    "api:certificates": [READ],
    "api:certificate": [Right("get", Role.VIEWER, Scope.READ, own=True)],
    "api:certificate_document": [Right("get", Role.VIEWER, Scope.READ, own=True)],
    "api:changes": [READ],
    "api:conflicts": [READ],
    "api:unknown_periods": [READ],
    "api:care_events": [TOLD, Right("post", Role.MEMBER, Scope.CARE)],
    "api:care_events_of_study": [TOLD],
    "api:restores": [Right("get", Role.MEMBER, Scope.RESTORE)],
    "api:restore_manifest": [Right("get", Role.MEMBER, Scope.RESTORE, own=True)],
    "api:restored_file": [Right("get", Role.MEMBER, Scope.RESTORE, own=True)],
    "api:arrived": [Right("post", Role.MEMBER, Scope.RESTORE, own=True)],
    "api:restored": [Right("post", Role.MEMBER, Scope.RESTORE, own=True)],
    "api:order_kinds": [FOLLOW],
    "api:order_estimates": [PLACE],
    "api:orders": [FOLLOW, PLACE],
    "api:order": [FOLLOW],
    "api:request_order": [PLACE],
    "api:cancel_order": [PLACE],
    "api:confirm_order": [PLACE],
    "api:order_messages": [FOLLOW, PLACE],
    "api:order_output": [FOLLOW],
    "api:order_password": [PLACE],
    "api:share_link": [FOLLOW, PLACE, Right("delete", Role.MEMBER, Scope.ORDERS_PLACE)],
    "api:invoices": [BILLING],
    "api:invoice": [Right("get", Role.MEMBER, Scope.BILLING, own=True)],
    "api:charges": [Right("get", Role.MEMBER, Scope.BILLING, own=True)],
    "api:invoice_document": [Right("get", Role.MEMBER, Scope.BILLING, own=True)],
    "api:e_invoice": [Right("get", Role.MEMBER, Scope.BILLING, own=True)],
    "api:billing_details": [Right("get", Role.MEMBER, Scope.BILLING, own=True), Right("put", Role.OWNER)],
    "api:plan": [BILLING],
    "api:tiers": [BILLING],
    "api:tier": [BILLING, OWN],
    "api:contract_document": [BILLING],
    "api:sign_version": [OWN],
    "api:notice": [BILLING, OWN, END],
    "api:confirm_return": [OWN],
    "api:holdings": [AUDIT],
    "api:findings": [AUDIT],
    "api:access_record": [RECORD],
    "api:checkpoints": [AUDIT],
    "api:checkpoint": [Right("get", Role.VIEWER, Scope.AUDIT, own=True)],
    "api:consistency": [Right("get", Role.VIEWER, Scope.AUDIT, own=True)],
    "api:evidence_reports": [RECORD, Right("post", Role.OWNER, Scope.AUDIT)],
    "api:evidence_report": [Right("get", Role.OWNER, Scope.AUDIT, own=True)],
    "api:cancel_evidence_report": [Right("post", Role.OWNER, Scope.AUDIT, own=True)],
    "api:evidence_report_document": [Right("get", Role.OWNER, Scope.AUDIT, own=True)],
    "api:evidence_report_signed": [Right("get", Role.OWNER, Scope.AUDIT, own=True)],
    "api:notifications": [VIEW],
    "api:read_notifications": [Right("post", Role.VIEWER)],
    "api:notification_preferences": [VIEW, Right("patch", Role.VIEWER)],
    "api:webhooks": [Right("get", Role.OWNER), OWN],
    "api:send_delivery_again": [OWN],
    "api:webhook": [Right("get", Role.OWNER), END],
    "api:renew_webhook_secret": [OWN],
    "api:test_webhook": [OWN],
    "api:switch_on_webhook": [OWN],
    "api:deliveries": [Right("get", Role.OWNER)],
    "api:members": [VIEW],
    "api:member": [Right("patch", Role.OWNER), END],
    "api:invitations": [Right("get", Role.OWNER), OWN],
    "api:invitation": [END],
    "api:resend_invitation": [OWN],
    "api:tokens": [Right("get", Role.OWNER), OWN],
    "api:token": [END],
}
REQUEST_ID = "5f2c8f0e-4a51-4c8e-9d0b-0123456789ab"
CASES = [(name, right) for name, rights in RIGHTS.items() for right in rights]


def facility_urls(resolver: URLResolver, namespace: str = "", prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """Name and parameters of every address that names a facility."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from facility_urls(pattern, inner, route)
        elif "facility_slug" in route:
            yield f"{namespace}{pattern.name}", set(pattern.pattern.converters)


URLS = dict(facility_urls(get_resolver()))


def test_every_address_has_an_entry() -> None:
    assert set(URLS) == set(RIGHTS)


@pytest.fixture
def values(sakura: Facility, person: Callable[..., Any], token_for: Callable[..., str]) -> dict[str, Any]:
    return objects_of(sakura, person, token_for)


def address(name: str, slug: str, values: dict[str, Any]) -> str:
    given = {key: values[key] for key in URLS[name] if key != "facility_slug"}
    return reverse(name, kwargs={"facility_slug": slug} | given)


def ask(client: Client, right: Right, url: str, **headers: str) -> Any:
    """The answer; what it did is undone. Of all requests one id is told, which problems repeat."""
    is_json = url.startswith("/api/") and right.method in {"post", "put", "patch"}
    given = {"data": "{}", "content_type": "application/json"} if is_json else {}
    with transaction.atomic():
        answer = getattr(client, right.method)(url, headers={"X-Request-ID": REQUEST_ID} | headers, **given)
        transaction.set_rollback(True)
    return answer


@contextmanager
def telling_all() -> Iterator[list[str]]:
    """A list of what is wrong, of all cases: it is empty at the end."""
    wrong: list[str] = []
    yield wrong
    assert not wrong


def told(answer: Any) -> bytes:
    """What the answer says, but for the name of the request."""
    content: bytes = answer.content
    return content.replace(answer.headers["X-Request-ID"].encode(), b"")


def test_a_stranger_gets_what_nobody_gets(
    values: dict[str, Any], lindenhof: Facility, signed_in: Callable[..., Client]
) -> None:
    stranger = signed_in("stranger@example.org", lindenhof=Role.OWNER)
    with telling_all() as wrong:
        for name, right in CASES:
            if right.scope and right.writes:
                continue  # people do not write here at all
            foreign = ask(stranger, right, address(name, "sakura", values))
            unknown = ask(stranger, right, address(name, "no-such-place", values))
            if not foreign.status_code == unknown.status_code == 404 or told(foreign) != told(unknown):
                wrong.append(f"{name} {right.method}: {foreign.status_code} {unknown.status_code}")


def test_staff_of_the_center_are_strangers_in_the_portal(
    values: dict[str, Any], signed_in: Callable[..., Client]
) -> None:
    staff = signed_in("staff@example.org", is_staff=True)
    with telling_all() as wrong:
        for name, right in CASES:
            expected = 401 if right.scope and right.writes else 404
            if (status := ask(staff, right, address(name, "sakura", values)).status_code) != expected:
                wrong.append(f"{name} {right.method}: {status}")


def test_who_is_not_signed_in_is_sent_to_sign_in(values: dict[str, Any]) -> None:
    with telling_all() as wrong:
        for name, right in CASES:
            answer = ask(Client(), right, address(name, "sakura", values))
            if right.scope or name.startswith("api:"):
                is_told = answer.status_code == 401
            else:
                is_told = answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/")
            if not is_told:
                wrong.append(f"{name} {right.method}: {answer.status_code}")


@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_what_is_its_own(role: Role, values: dict[str, Any], signed_in: Callable[..., Client]) -> None:
    person = signed_in("person@example.org", sakura=role)
    with telling_all() as wrong:
        for name, right in CASES:
            status = ask(person, right, address(name, "sakura", values)).status_code
            if right.scope and right.writes:
                is_right = status == 401
            elif not role.covers(right.role):
                is_right = status == 403
            else:
                is_right = status not in {401, 403} and status < 500
            if not is_right:
                wrong.append(f"{name} {right.method}: {status}")


def test_one_facilitys_objects_do_not_exist_in_another(
    values: dict[str, Any], lindenhof: Facility, signed_in: Callable[..., Client]
) -> None:
    owner = signed_in("owner@example.org", lindenhof=Role.OWNER)
    with telling_all() as wrong:
        for name, right in CASES:
            names_nothing = not URLS[name] - {"facility_slug"}
            if names_nothing or name.startswith("dicomweb:") or (right.scope and right.method != "get"):
                continue
            if (status := ask(owner, right, address(name, "lindenhof", values)).status_code) != 404:
                wrong.append(f"{name} {right.method}: {status}")


def test_a_token_opens_its_facility_and_its_scopes_alone(
    values: dict[str, Any], sakura: Facility, lindenhof: Facility, token_for: Any
) -> None:
    def bearer(facility: Facility, *scopes: Scope) -> dict[str, str]:
        return {"authorization": f"Bearer {token_for(facility, *scopes)}"}

    single = {scope: bearer(sakura, scope) for scope in Scope}
    foreign = bearer(lindenhof)
    others = {scopes: bearer(sakura, *(set(Scope) - scopes)) for scopes in {scopes_of(right) for _, right in CASES}}
    with telling_all() as wrong:
        for name, right in CASES:
            url, scopes = address(name, "sakura", values), scopes_of(right)
            shut = ask(Client(), right, url, **others[scopes]).status_code
            if not scopes:
                if shut != (401 if name.startswith("api:") else 302):
                    wrong.append(f"{name} {right.method} opens to tokens: {shut}")
                continue
            opened = [ask(Client(), right, url, **single[scope]).status_code for scope in scopes]
            if shut != 403 or {401, 403} & set(opened) or (404 in opened and not right.own):
                wrong.append(f"{name} {right.method}: without {shut}, with {opened}")
            if (status := ask(Client(), right, url, **foreign).status_code) != 404:
                wrong.append(f"{name} {right.method} to a foreign token: {status}")


def scopes_of(right: Right) -> frozenset[Scope]:
    return frozenset(filter(None, (right.scope, right.other)))
