"""STOW-RS, the Store transaction (PS3.18, 10.5): each request is one collection."""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.collection.commit import Stored
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Method
from apps.collection.reception import Reception
from apps.collection.tasks import announce_packs
from apps.core.errors import DomainError
from apps.core.multipart import MalformedBody, content_type_of, parts
from apps.dicomweb.refusal import refusal
from apps.dicomweb.store_response import store_response
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role, Scope
from apps.vault.errors import DigestMismatch, VaultUnavailable
from apps.vault.spool import Batch

DICOM = "application/dicom"
RESPONSE_TYPES = ["application/dicom+json", "application/json", "application/dicom+xml", "text/xml"]
MOST_INSTANCES, MOST_STUDIES = 10_000, 500  # each study takes locks, of which the database has few
RETRY_AFTER_S = "30"
log = logging.getLogger(__name__)


class TooManyInstances(DomainError):
    """The request holds more than one request may."""

    code = "too_many_instances"


class UnsupportedContent(DomainError):
    """The body or a part of it is not application/dicom: metadata and bulk data apart are not taken."""

    code = "unsupported_content"


_STATUS: dict[type[DomainError], int] = {MalformedBody: 400, UnsupportedContent: 415, TooManyInstances: 413}


@csrf_exempt
@facility_door(role=Role.MEMBER, scope=Scope.STORE, own_scope=True)
def store(request: FacilityRequest, study_instance_uid: str = "") -> HttpResponse:
    """Store the instances of the body. 200: all stored; 202: some; 409: none (PS3.18, 10.5.3.1).

    The answer leaves when every stored instance is durable and in the catalog.
    """
    media_type = request.get_preferred_type(RESPONSE_TYPES)
    if media_type is None:
        return refusal(406, f"The response can be one of: {', '.join(RESPONSE_TYPES)}")
    try:
        intake, stored = _receive(request, _boundary(request), study_instance_uid, timezone.now())
    except tuple(_STATUS) as error:
        return refusal(_STATUS[type(error)], error.message)
    except (VaultUnavailable, DigestMismatch) as error:
        log.error("STOW-RS refused, nothing was stored: %s", error.message)  # noqa: TRY400
        return refusal(503, "Nothing was stored: the vault cannot be written now", {"Retry-After": RETRY_AFTER_S})
    except (OperationalError, InterfaceError) as error:
        log.error("STOW-RS refused, the database went away: %s", type(error).__name__)  # noqa: TRY400
        return refusal(503, "Not acknowledged: the database went away. Send again", {"Retry-After": RETRY_AFTER_S})
    announce_packs()
    return store_response(request, media_type, intake.files, stored.files)


def _boundary(request: HttpRequest) -> str:
    kind, parameters = content_type_of(request.headers.get("Content-Type", ""))
    if kind != "multipart/related" or parameters.get("type", DICOM).lower() != DICOM:
        raise UnsupportedContent(f'Send multipart/related; type="{DICOM}"')
    if not parameters.get("boundary"):
        raise MalformedBody("The Content-Type has no boundary")
    return parameters["boundary"]


def _receive(request: FacilityRequest, boundary: str, study_instance_uid: str, now: datetime) -> tuple[Intake, Stored]:
    reception = Reception(
        method=Method.PUSH,
        actor=request.actor,
        device_token=request.token,
        source_address=request.actor.source_address,
    )
    with Batch(request.facility.pk) as batch:
        intake, studies = Intake(batch, only_study=study_instance_uid), set[str]()
        for part in parts(_reader(request), boundary):
            if part.content_type not in {DICOM, ""}:
                raise UnsupportedContent(f"Every part must be {DICOM}")
            if len(intake.files) == MOST_INSTANCES:
                raise TooManyInstances(f"Send at most {MOST_INSTANCES} instances in one request")
            file = intake.add(part.pieces)
            if file.header:
                studies.add(file.header.study_instance_uid)
            if len(studies) > MOST_STUDIES:
                raise TooManyInstances(f"Send instances of at most {MOST_STUDIES} studies in one request")
        if not intake.files:
            raise MalformedBody("The body holds no part")
        collection = new_collection(request.facility, reception, now=now)
        return intake, store_batch(collection, reception, intake, now=now, is_last=True)


def _reader(request: HttpRequest) -> Callable[[int], bytes]:
    """The body as it arrives. Django gives none without a Content-Length; the web server ends a chunked one."""
    if request.META.get("CONTENT_LENGTH"):
        return request.read
    return request.META["wsgi.input"].read  # type: ignore[no-any-return]
