"""What people do with their sign-in, on record outside of any facility: the center alone reads it.

In this room and not in accounts because recording it takes the center's role, which tenancy gives.
"""

from collections.abc import Iterable
from typing import Any

from allauth.account import signals as account
from allauth.core import context
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from apps.accounts.adapter import AccountAdapter
from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.facilities.middleware import source_address
from apps.facilities.tenancy import as_center

UNKNOWN = "unknown"


class AuditedAccountAdapter(AccountAdapter):
    """Signing in and out, failing to, and new passwords leave audit events."""

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            _record_failure(request, "too_many_attempts", **credentials)
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        _record_failure(request, "password", **credentials)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        _record("sign_in_failed", request, user, reason="deactivated")
        response: HttpResponse = super().respond_user_inactive(request, user)
        return response

    def login(self, request: HttpRequest, user: User) -> None:
        with transaction.atomic():
            super().login(request, user)
            _record("signed_in", request, user)

    def logout(self, request: HttpRequest) -> None:
        with transaction.atomic():
            if isinstance(request.user, User):
                _record("signed_out", request, request.user)
            super().logout(request)

    def set_password(self, user: User, password: str) -> None:
        request = context.request
        verb = "password_changed" if request.user == user else "password_reset"
        with transaction.atomic():
            super().set_password(user, password)
            _record(verb, request, user)


class AuditedUserSessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]
    """Ending one's sessions elsewhere leaves an audit event."""

    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        ending = list(sessions)
        with transaction.atomic():
            super().end_sessions(ending)
            _record("sessions_ended", context.request, context.request.user, number=len(ending))


@receiver(mfa.authenticator_added)
def _factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _record("second_factor_added", request, user, type=authenticator.type)


@receiver(mfa.authenticator_removed)
def _factor_removed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _record("second_factor_removed", request, user, type=authenticator.type)


@receiver(mfa.authenticator_reset)
def _factor_renewed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _record("second_factor_renewed", request, user, type=authenticator.type)


@receiver(mfa.authenticator_used)
def _factor_used(request: HttpRequest, *, reauthenticated: bool, **_: Any) -> None:
    """Who knows a session from before the second factor does not get what the second factor opens."""
    if not reauthenticated:
        return  # signing in makes a new session anyway
    before = request.session.session_key
    request.session.cycle_key()
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


@receiver(mfa.authentication_failed)
def _factor_failed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _record("sign_in_failed", request, user, reason="second_factor", type=authenticator.type)


@receiver(account.email_changed)
def _email_changed(request: HttpRequest, user: User, **_: Any) -> None:
    _record("email_changed", request, user)


def _record_failure(request: HttpRequest, reason: str, **credentials: Any) -> None:
    user = User.objects.filter(email=str(credentials.get("email", "")).lower()).first()
    _record("sign_in_failed", request, user, reason=reason)


def _record(verb: str, request: HttpRequest, user: User | None, **details: Any) -> None:
    """Append `user.<verb>`. Who is not known stays `unknown`: a password may have been typed as the address."""
    key = str(user.pk) if user else UNKNOWN
    actor = Actor("user", key, source_address(request))
    with as_center():
        record(f"user.{verb}", actor=actor, object_type="user", object_id=key, facility_id=None, **details)
