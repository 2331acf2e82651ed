"""Restores: a terminal fetches what was ordered to come back, by the manifest, file by file and in parts."""

from functools import partial
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import valid
from apps.api.resource import Resource
from apps.audit.record import record
from apps.core.problems import problem
from apps.core.ranges import in_parts
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role, Scope
from apps.facilities.tenancy import as_facility
from apps.orders.models import Order, Output, State
from apps.orders.outputs import offered_output, pieces
from apps.orders.restoring import note_arrived, note_restored, restore_of, restores_of
from apps.orders.returned_files import stored_file

MOST = 2**63 - 1


class ManifestSerializer(serializers.Serializer[Any]):
    """Which manifest says what there is."""

    length = serializers.IntegerField()
    sha256 = serializers.CharField()


class RestoreSerializer(serializers.Serializer[Any]):
    """A restore that lies ready."""

    order = serializers.CharField()
    uid = serializers.UUIDField()
    images = serializers.IntegerField()
    bytes = serializers.IntegerField()
    offered_until = serializers.DateTimeField(allow_null=True)
    manifest = ManifestSerializer()


class RestoresSerializer(serializers.Serializer[Any]):
    """All of them."""

    restores = RestoreSerializer(many=True)


class StateSerializer(serializers.Serializer[Any]):
    """The order's state."""

    state = serializers.ChoiceField(choices=State.choices)


class RestoresView(Resource):
    """What lies ready for the facility's terminals."""

    tag = "Restores"

    @extend_schema(operation_id="restores_list", responses=RestoresSerializer)
    def get(self, request: Request) -> Response:
        now = timezone.now()
        found = [(order, offered_output(order, now=now)) for order in restores_of(entered(request).facility, now=now)]
        return Response({"restores": [_told(order, output) for order, output in found if output]})


class RestoredSerializer(serializers.Serializer[Any]):
    """Of which manifest everything has arrived."""

    manifest_sha256 = serializers.RegexField(r"\A[0-9a-f]{64}\Z")


class ArrivedSerializer(RestoredSerializer):
    """How much of which manifest is verified and synced at the terminal."""

    files = serializers.IntegerField(min_value=0, max_value=MOST)
    bytes = serializers.IntegerField(min_value=0, max_value=MOST)


class ArrivalSerializer(serializers.Serializer[Any]):
    """How much that is, of how much."""

    files = serializers.IntegerField()
    total_files = serializers.IntegerField()
    bytes = serializers.IntegerField(source="size_bytes")
    total_bytes = serializers.IntegerField()
    told_at = serializers.DateTimeField()


class ArrivedView(Resource):
    """A terminal says how much it has: whoever waits for it sees that."""

    tag = "Restores"

    @extend_schema(
        operation_id="restores_arrived", request=ArrivedSerializer, responses=ArrivalSerializer,
        examples=[
            OpenApiExample("Half of it", {"manifest_sha256": "00" * 32, "files": 2, "bytes": 4096}, request_only=True)
        ],
    )  # fmt: skip
    def post(self, request: Request, order_uid: UUID) -> Response:
        given, now = valid(ArrivedSerializer, request), timezone.now()
        found = restore_of(entered(request).facility, order_uid, now=now)
        if found is None:
            raise NotFound
        arrival = note_arrived(
            *found, manifest_sha256=given["manifest_sha256"], files=given["files"], size_bytes=given["bytes"], now=now
        )
        return Response(ArrivalSerializer(arrival).data)


class RestoredView(Resource):
    """A terminal says that it has everything."""

    tag = "Restores"

    @extend_schema(
        operation_id="restores_restored", request=RestoredSerializer, responses=StateSerializer,
        examples=[OpenApiExample("Its digest", {"manifest_sha256": "00" * 32}, request_only=True)],
    )  # fmt: skip
    def post(self, request: Request, order_uid: UUID) -> Response:
        given = valid(RestoredSerializer, request)
        door, now = entered(request), timezone.now()
        found = restore_of(door.facility, order_uid, now=now)
        if found is None:
            raise NotFound
        note_restored(*found, **given, actor=door.actor, now=now)
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
