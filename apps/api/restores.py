"""Restores: a terminal fetches what was ordered to come back, by the manifest, file by file and in parts."""

from functools import partial
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.api.doors import entered
from apps.audit.record import record
from apps.core.problems import problem
from apps.core.ranges import in_parts
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role, Scope
from apps.facilities.tenancy import as_facility
from apps.orders.models import Order, Output
from apps.orders.outputs import offered_output, pieces
from apps.orders.restoring import note_restored, restore_of, restores_of
from apps.orders.returned_files import stored_file


class RestoresView(APIView):
    """What lies ready for the facility's terminals."""

    @extend_schema(responses=dict[str, Any])
    def get(self, request: Request) -> Response:
        now = timezone.now()
        found = [(order, offered_output(order, now=now)) for order in restores_of(entered(request).facility, now=now)]
        return Response({"restores": [_told(order, output) for order, output in found if output]})


class RestoredSerializer(serializers.Serializer[Any]):
    """Of which manifest everything has arrived."""

    manifest_sha256 = serializers.RegexField(r"\A[0-9a-f]{64}\Z")


class RestoredView(APIView):
    """A terminal says that it has everything."""

    @extend_schema(request=RestoredSerializer, responses=dict[str, str])
    def post(self, request: Request, order_uid: UUID) -> Response:
        given = RestoredSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        door, now = entered(request), timezone.now()
        found = restore_of(door.facility, order_uid, now=now)
        if found is None:
            raise NotFound
        note_restored(*found, **given.validated_data, actor=door.actor, now=now)
        return Response({"state": found[0].state})


@facility_door(role=Role.MEMBER, scope=Scope.RESTORE, own_scope=True)
@require_safe
def manifest(request: FacilityRequest, order_uid: UUID) -> HttpResponseBase:
    """The manifest, in parts where wanted. That it was fetched is recorded; single files are not."""
    with as_facility(request.facility):
        found = restore_of(request.facility, order_uid, now=timezone.now())
        if found is None:
            return _nothing()
        order, output = found
        record(
            "order.downloaded", actor=request.actor, object_type="order", object_id=order.pk,
            facility_id=request.facility.pk, production=output.number,
        )  # fmt: skip
    etag = f'"{bytes(output.sha256 or b"").hex()}"'
    read = partial(pieces, output)
    return in_parts(request, read, size=output.size_bytes, etag=etag, content_type="application/jsonl")


@facility_door(role=Role.MEMBER, scope=Scope.RESTORE, own_scope=True)
@require_safe
def file(request: FacilityRequest, order_uid: UUID, key: str) -> HttpResponseBase:
    """One file of it, in parts where wanted; streamed after the transaction."""
    with as_facility(request.facility):
        restore = restore_of(request.facility, order_uid, now=timezone.now())
        found = stored_file(restore[0], key) if restore else None
    if found is None:
        return _nothing()
    return in_parts(
        request, found.pieces, size=found.length, etag=f'"{found.sha256.hex()}"', content_type="application/dicom"
    )


def _nothing() -> HttpResponseBase:
    return problem(404, code="not_found", detail="Nothing of that kind lies ready")


def _told(order: Order, output: Output) -> dict[str, Any]:
    return {
        "order": str(order),
        "uid": str(order.uid),
        "images": order.instance_count,
        "bytes": order.size_bytes,
        "offered_until": order.offered_until,
        "manifest": {"length": output.size_bytes, "sha256": bytes(output.sha256 or b"").hex()},
    }
