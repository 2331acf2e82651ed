"""In whose words a page or a letter speaks: the language and the time zone of its reader."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation

from apps.accounts.models import User
from apps.facilities.models import Facility

Person = User | AnonymousUser | None


@contextmanager
def in_words_of(person: Person, facility: Facility | None) -> Iterator[None]:
    """A letter, a document or a message for `person`, or for whoever reads it at `facility`.

    What the person chose goes before what the facility did; without either it is the center's language and UTC.
    """
    chosen = person.language if isinstance(person, User) else ""
    language = chosen or (facility.language if facility else settings.LANGUAGE_CODE)
    with translation.override(language), timezone.override(time_zone_of(person, facility)):
        yield


def time_zone_of(person: Person, facility: Facility | None) -> str | None:
    """A name of the IANA database; None for the center's own zone."""
    chosen = person.time_zone if isinstance(person, User) else ""
    return chosen or (facility.time_zone if facility else None)


class ReaderMiddleware:
    """Pages in the words of who is signed in. Whoever chose no language has the browser's, from LocaleMiddleware.

    A page of a facility has the facility's time zone where the person chose none (TenancyMiddleware).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:  # a device, for which nobody has to be looked up
            return self.get_response(request)
        person = request.user
        language = (isinstance(person, User) and person.language) or translation.get_language()
        with translation.override(language), timezone.override(time_zone_of(person, None)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "")
            return response
