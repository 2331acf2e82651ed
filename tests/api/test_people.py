"""Members, invitations and tokens by REST: by people alone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from apps.facilities.models import DeviceToken, Facility, Invitation, Membership, Role
from apps.facilities.tenancy import as_center
from tests.api.asking import Asking

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Asking:
    return Asking(signed_in("owner@example.org", sakura=Role.OWNER), "sakura")


def test_an_owner_decides_on_people_and_somebody_stays_in_charge(owner: Asking, person: Callable[..., object]) -> None:
    person("endo@example.org", sakura=Role.VIEWER)
    mine, theirs = owner("members/").json()["members"]
    assert (mine["role"], theirs["email"]) == ("owner", "endo@example.org")
    changed = owner(f"members/{theirs['id']}/", {"role": "member"}, method="patch")
    assert (changed.status_code, changed.json()["role"]) == (200, "member")
    for refused in (owner(f"members/{mine['id']}/", {"role": "viewer"}, method="patch"),
                    owner(f"members/{mine['id']}/", method="delete")):  # fmt: skip
        assert (refused.status_code, refused.json()["code"]) == (409, "last_owner")
    assert owner(f"members/{theirs['id']}/", method="delete").status_code == 204
    with as_center():
        assert Membership.objects.count() == 1


def test_an_invitation_goes_by_mail_and_its_link_is_in_no_answer(owner: Asking) -> None:
    wish = {"email": "Mori@Clinic.example", "role": "member"}
    sent = [owner("invitations/", wish, idempotency_key="1") for _ in range(2)]
    assert [each.status_code for each in sent] == [201, 201]
    told = sent[0].json()
    assert (told, told["email"], told["is_mailed"]) == (sent[1].json(), "mori@clinic.example", True)
    assert len(mail.outbox) == 1
    assert owner(f"invitations/{told['id']}/resend/", {}).json()["is_mailed"] is True
    assert len(mail.outbox) == 2
    [listed] = owner("invitations/").json()["invitations"]
    assert listed["id"] == told["id"]
    assert owner(f"invitations/{told['id']}/", method="delete").status_code == 204
    assert owner("invitations/").json()["invitations"] == []
    assert owner(f"invitations/{told['id']}/resend/", {}).json()["code"] == "invitation_ended"
    assert owner("invitations/", wish | {"role": "king"}).status_code == 400
    with as_center():
        assert Invitation.objects.count() == 1


def test_a_token_is_told_once_and_refused_once_it_is_revoked(owner: Asking, client: Client) -> None:
    wish = {"label": "PACS", "scopes": ["images:read", "orders:read"], "valid_days": 30}
    made = owner("tokens/", wish).json()
    program = Asking(client, "sakura", made["secret"])
    assert program("orders/").status_code == 200
    assert program("tokens/").status_code == 401
    [listed] = owner("tokens/").json()["tokens"]
    assert (listed["scopes"], "secret" in listed) == (wish["scopes"], False)
    assert listed["last_used_at"]
    assert owner(f"tokens/{made['id']}/", method="delete").status_code == 204
    assert program("orders/").status_code == 401
    wrongs: list[dict[str, Any]] = [{"scopes": []}, {"scopes": ["all"]}, {"valid_days": 0}, {"label": ""}]
    for wrong in wrongs:
        assert owner("tokens/", wish | wrong).status_code == 400
    with as_center():
        assert DeviceToken.objects.count() == 1
