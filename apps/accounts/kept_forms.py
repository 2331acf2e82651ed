"""What was typed into a form that its person's sign-in did not outlive: kept for them, and for nobody else.

A form carries the secret that its page was made with (Django's protection against forged requests). A signed cookie
tells whose pages in this browser were made with which secrets. What is posted without a session, or with the secret of
a session before, is kept in the session of the browser, encrypted, until that same person signs in within `KEPT_S`;
whoever signs in instead makes it go away.
"""

import base64
import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import CSRF_ALLOWED_CHARS, CSRF_SECRET_LENGTH, CSRF_TOKEN_LENGTH
from django.utils.crypto import salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme

COOKIE = "forms"
SESSION_KEY = "kept_form"
KEPT_S = 3600
MOST_CHARACTERS = 100_000
MOST_SECRETS = 8
FORGERY_FIELD = "csrfmiddlewaretoken"
_SALT = "apps.accounts.kept_forms"
_TOKEN = re.compile(f"[a-zA-Z0-9]{{{CSRF_TOKEN_LENGTH}}}")
_NEVER_KEPT = re.compile(r"password|secret|token", re.IGNORECASE)
WITHOUT_SIGN_IN = ("/accounts/", "/invitations/", "/s/", "/language/")  # their forms are about secrets, or are nobody's


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form as it was sent: `page` is where it stood, `action` where it went; both are addresses without the host."""

    person: str
    page: str
    action: str
    values: list[tuple[str, str]] = field(repr=False)
    had_files: bool


def page_of(request: HttpRequest) -> str:
    """The address, without the host, of the page that a request was sent from; where that is not told, its own."""
    told = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(told, {request.get_host()}, require_https=request.is_secure()):
        return request.get_full_path()
    parts = urlsplit(told)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def keep(request: HttpRequest) -> bool:
    """Keep what was posted for the person whose form it is; whether it is kept."""
    person = _person_of_form(request)
    if person is None or request.path.startswith(WITHOUT_SIGN_IN):
        return False
    values = [
        (name, value)
        for name, given in request.POST.lists()
        if name != FORGERY_FIELD and not _NEVER_KEPT.search(name)
        for value in given
    ]
    if not 0 < sum(len(value) for _name, value in values) <= MOST_CHARACTERS:
        return False
    kept = KeptForm(person, page_of(request), request.get_full_path(), values, bool(request.FILES))
    request.session[SESSION_KEY] = _cipher().encrypt(json.dumps(asdict(kept)).encode()).decode()
    return True


def take(request: HttpRequest) -> KeptForm | None:
    """What was kept for this person and this page, once. Another person's, and what is too old, is dropped."""
    if not request.user.is_authenticated or SESSION_KEY not in request.session:
        return None
    kept = _read(request.session[SESSION_KEY])
    if kept is None or kept.person != str(request.user.pk):
        del request.session[SESSION_KEY]
        return None
    if request.method != "GET" or kept.page != request.get_full_path():
        return None
    del request.session[SESSION_KEY]
    return kept


def remember_whose(request: HttpRequest, response: HttpResponseBase) -> None:
    """Tell the browser whose page this is, for forms that may be sent when the sign-in has ended."""
    secret = request.META.get("CSRF_COOKIE")
    if not secret or not request.user.is_authenticated:
        return
    person, digests = _told(request)
    known, digest = digests if person == str(request.user.pk) else [], _digest(secret)
    if digest in known:
        return
    told = {"person": str(request.user.pk), "secrets": [*known, digest][-MOST_SECRETS:]}
    cookie = signing.dumps(told, salt=_SALT)
    response.set_cookie(COOKIE, cookie, secure=settings.SECURE, httponly=True, samesite="Lax")


def _person_of_form(request: HttpRequest) -> str | None:
    """The key of the person for whom the page of the posted form was made; a form of another site is nobody's."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return None
    token = request.POST.get(FORGERY_FIELD, "")
    person, digests = _told(request)
    if request.user.is_authenticated and str(request.user.pk) != person:
        return None
    if not _TOKEN.fullmatch(token) or _digest(_unmasked(token)) not in digests:
        return None
    return person


def _unmasked(token: str) -> str:
    """The secret in a token: a mask, and the secret shifted by it, letter by letter."""
    places = [CSRF_ALLOWED_CHARS.index(letter) for letter in token]
    pairs = zip(places[:CSRF_SECRET_LENGTH], places[CSRF_SECRET_LENGTH:], strict=True)
    return "".join(CSRF_ALLOWED_CHARS[shifted - mask] for mask, shifted in pairs)


def _told(request: HttpRequest) -> tuple[str | None, list[str]]:
    try:
        told = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT)
    except signing.BadSignature:
        return None, []
    return told["person"], told["secrets"]


def _digest(secret: str) -> str:
    return salted_hmac(_SALT, secret, algorithm="sha256").hexdigest()[:32]


def _cipher() -> Fernet:
    key = hashlib.sha256(f"{_SALT}{settings.SECRET_KEY}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _read(encrypted: str) -> KeptForm | None:
    try:
        return KeptForm(**json.loads(_cipher().decrypt(encrypted.encode(), ttl=KEPT_S)))
    except InvalidToken:
        return None
