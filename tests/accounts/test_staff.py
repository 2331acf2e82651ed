"""Staff of the center: what their groups allow, and the second factor before the workplace."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.apps import apps
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from apps.accounts.groups import CALLED
from apps.accounts.models import User
from medvault.staff_roles import CHANGES, bring_staff_roles_up_to_date
from tests.accounts.pages import events, is_signed_in, sign_in, verified
from tests.accounts.test_second_factor import totp_code

EMAIL, SECRET = "keller@example.org", "JBSWY3DPEHPK3PXP"


def give_code(browser: Client, page: str) -> None:
    assert browser.post(reverse(page), {"code": totp_code(SECRET)}).status_code == 302


@pytest.fixture
def keller(db: None, person: Callable[..., User]) -> User:
    user = verified(person(EMAIL, is_staff=True))
    user.groups.add(Group.objects.get(name="administrator"))
    return user


@pytest.mark.parametrize("name", CHANGES)
def test_every_group_reads_everything_and_changes_what_is_its_own(db: None, name: str) -> None:
    group = Group.objects.get(name=name)
    held = {f"{each.content_type.app_label}.{each.codename}" for each in group.permissions.all()}
    views = {f"{model._meta.app_label}.view_{model._meta.model_name}" for model in apps.get_models()}
    assert held == views | set(CHANGES[name])


def test_every_group_is_called_in_its_readers_language(db: None) -> None:
    assert CALLED.keys() == CHANGES.keys()
    with override("ja"):
        assert [str(each) for each in Group.objects.filter(name="reception")] == ["受入"]
    assert str(Group(name="Night shift")) == "Night shift"


def test_staff_roles_are_brought_up_to_date_as_often_as_one_likes(django_db_setup: None, db: None) -> None:
    before = set(Group.permissions.through.objects.values_list("group", "permission"))
    bring_staff_roles_up_to_date(using="default")
    assert set(Group.permissions.through.objects.values_list("group", "permission")) == before


def test_nobody_signed_in_is_sent_to_everybodys_sign_in_page(browser: Client, db: None) -> None:
    at_door = browser.get(reverse("admin:index"), follow=True)
    assert at_door.redirect_chain[-1][0].startswith(reverse("account_login"))
    assert "next=" in at_door.redirect_chain[-1][0]


def test_staff_without_a_second_factor_are_led_to_set_one_up(browser: Client, keller: User) -> None:
    sign_in(browser, EMAIL)
    answer = browser.get(reverse("admin:index"), follow=True)
    assert answer.redirect_chain[-1] == (reverse("mfa_index"), 302)
    assert answer.status_code == 200
    assert "second factor" in answer.content.decode()


def test_signing_in_on_the_way_to_the_workplace_leads_there_without_a_loop(browser: Client, keller: User) -> None:
    target = f"{reverse('account_login')}?next={reverse('admin:index')}"
    answer = browser.post(target, {"login": EMAIL, "password": "correct horse battery staple"}, follow=True)
    assert is_signed_in(browser)
    assert answer.redirect_chain[-1][0] == reverse("mfa_index")


def test_staff_with_a_second_factor_work(browser: Client, keller: User) -> None:
    TOTP.activate(keller, SECRET)
    sign_in(browser, EMAIL)
    give_code(browser, "mfa_authenticate")
    assert browser.get(reverse("admin:index")).status_code == 200
    assert browser.get(reverse("admin:accounts_user_changelist")).status_code == 200


def test_a_session_from_before_the_second_factor_is_asked_for_it(browser: Client, keller: User) -> None:
    sign_in(browser, EMAIL)
    TOTP.activate(keller, SECRET)
    answer = browser.get(reverse("admin:index"), follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("mfa_reauthenticate"))
    give_code(browser, "mfa_reauthenticate")
    assert browser.get(reverse("admin:index")).status_code == 200


def test_signing_out_of_the_workplace_is_on_record(browser: Client, keller: User, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False
    sign_in(browser, EMAIL)
    browser.post(reverse("admin:logout"))
    assert not is_signed_in(browser)
    assert len(events("signed_out")) == 1


def test_the_password_is_changed_on_everybodys_page(browser: Client, keller: User, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False
    sign_in(browser, EMAIL)
    assert browser.get(reverse("admin:password_change")).headers["Location"] == reverse("account_change_password")


def test_a_second_factor_removed_shuts_the_workplace(browser: Client, keller: User) -> None:
    sign_in(browser, EMAIL)
    TOTP.activate(keller, SECRET)
    browser.get(reverse("admin:index"))
    Authenticator.objects.filter(user=keller).delete()
    assert browser.get(reverse("admin:index")).status_code == 302


def test_the_demonstration_may_do_without(browser: Client, keller: User, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False
    sign_in(browser, EMAIL)
    assert browser.get(reverse("admin:index")).status_code == 200


def test_a_password_alone_opens_nothing_once_there_is_a_second_factor(
    browser: Client, keller: User, settings: Any
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    TOTP.activate(keller, SECRET)
    sign_in(browser, EMAIL)
    assert browser.get(reverse("admin:index")).status_code == 302


def test_who_is_no_staff_is_refused_and_not_sent_round(browser: Client, db: None, person: Callable[..., User]) -> None:
    verified(person("mori@example.org"))
    sign_in(browser, "mori@example.org")
    answer = browser.get(reverse("admin:index"), follow=True)
    assert answer.status_code == 403
    assert len(answer.redirect_chain) == 1
