"""The page behind an invitation's link: join with the sign-in one has, or make one."""

from allauth.account.utils import perform_login
from allauth.core.internal.ratelimit import consume
from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from apps.accounts.models import User
from apps.core.errors import DomainError
from apps.facilities.invitations import (
    InvitationEnded,
    UnknownInvitation,
    find_invitation,
    is_registered,
    join,
    register,
)
from apps.facilities.middleware import source_address
from apps.facilities.models import Invitation

# The address is the secret: other pages are told where a visitor came from without the path. `no-referrer` would also
# blank the Origin header, which Django's protection against forged requests needs.
REFERRER_POLICY = "strict-origin"


class RegistrationForm(forms.Form):
    """Who the new person is; the address is the invitation's."""

    name = forms.CharField(
        label=gettext_lazy("Your name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        label=gettext_lazy("Choose a password"),
        strip=False,
        help_text=gettext_lazy("At least 12 characters. Some words that you remember are better than many signs."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: object, email: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.email = email

    def clean(self) -> None:
        password = self.cleaned_data.get("password")
        if not password:
            return
        try:
            validate_password(password, User(email=self.email, name=self.cleaned_data.get("name", "")))
        except ValidationError as error:
            self.add_error("password", error)


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, secret: str) -> HttpResponse:
    """Show the invitation, or accept it. What it is not valid for is said, never guessed: the link is the proof."""
    if not consume(request, app="allauth.account", action="open_invitation", limit_get=True):
        return render(request, "429.html", status=429)
    try:
        invitation = find_invitation(secret)
        response = _accepted(request, invitation, secret) if request.method == "POST" else _page(request, invitation)
    except DomainError as error:
        status = {UnknownInvitation: 404, InvitationEnded: 410}.get(type(error), 409)
        response = render(request, "invitations/refused.html", {"refusal": error.message}, status=status)
    response.headers["Referrer-Policy"] = REFERRER_POLICY
    return response


def _accepted(request: HttpRequest, invitation: Invitation, secret: str) -> HttpResponse:
    origin = source_address(request)
    if isinstance(request.user, User):
        join(secret=secret, user=request.user, source_address=origin)
        messages.success(request, _("You have joined %s.") % invitation.facility.name)
        return redirect("home")
    if is_registered(invitation.email):
        return _page(request, invitation)
    form = RegistrationForm(request.POST, email=invitation.email)
    if not form.is_valid():
        return _page(request, invitation, form, status=422)
    membership = register(
        secret=secret, name=form.cleaned_data["name"], password=form.cleaned_data["password"], source_address=origin
    )
    answer: HttpResponse = perform_login(request, membership.user, redirect_url=reverse("home"))
    return answer


def _page(
    request: HttpRequest, invitation: Invitation, form: RegistrationForm | None = None, status: int = 200
) -> HttpResponse:
    registered = is_registered(invitation.email)
    context = {
        "invitation": invitation,
        "facility": invitation.facility,
        "is_theirs": isinstance(request.user, User) and request.user.email.lower() == invitation.email,
        "is_registered": registered,
        "sign_in": f"{reverse('account_login')}?next={request.path}",
        "form": form or RegistrationForm(email=invitation.email),
    }
    return render(request, "invitations/accept.html", context, status=status)
