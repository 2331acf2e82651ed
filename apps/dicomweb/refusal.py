"""Refusals at the DICOMweb doors: a status and one sentence."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from apps.catalog.bounds import Unreadable
from apps.catalog.preview import NotRenderable
from apps.core.errors import DomainError
from apps.vault.errors import MissingPack, VaultUnavailable

RETRY_AFTER_S = "30"
ORIGINAL_REMAINS = "The instance itself can be retrieved as it is stored."
log = logging.getLogger(__name__)
View = Callable[..., HttpResponseBase]
_OF_THE_REQUEST = {"no_such_frame": 404, "invalid_window": 400, "invalid_size": 400}


class Refused(DomainError):
    """A request that is answered with a status and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)


def refusing(view: View) -> View:
    """A view whose errors are answers."""

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(*args, **kwargs)
        except Refused as error:
            return refusal(error.status, error.message)
        except Unreadable as error:
            return refusal(406, f"{error.message} {ORIGINAL_REMAINS}")
        except NotRenderable as error:
            status = _OF_THE_REQUEST.get(error.code, 406)
            return refusal(status, error.message if status < 406 else f"{error.message} {ORIGINAL_REMAINS}")
        except (MissingPack, VaultUnavailable) as error:
            log.error("WADO-RS refused: %s", error.message)  # noqa: TRY400
            return refusal(503, "The vault cannot be read now", {"Retry-After": RETRY_AFTER_S})

    return answer
