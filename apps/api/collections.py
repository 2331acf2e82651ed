"""Collections: listed, how far one is, its files and receipts; a device sees its own alone."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import HexField
from apps.api.paging import PAGED, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.collection.models import Collection, Outcome, Receipt, ReceiptKind, ReceivedFile, State, Upload
from apps.collection.receipts import issue_receipts
from apps.collection.reconciliation import reconcile
from apps.evidence.proofs import inclusion_of
from apps.facilities.models import Scope

PAGE = 20
AFTER = OpenApiParameter("after", {"type": "string", "pattern": "^[0-9]{0,18}$"}, description="`next` of before")
OUTCOME = OpenApiParameter("outcome", str, enum=Outcome.values)
ATTENTION = OpenApiParameter("attention", bool, description="only those where not all is well")


class ListedCollectionSerializer(serializers.ModelSerializer[Collection]):
    """A collection in a list."""

    terminal = serializers.UUIDField(source="terminal.uid", allow_null=True, default=None)
    operator = serializers.CharField(source="reception_record.operator", default="")
    medium_serial = serializers.CharField(source="reception_record.medium_serial", default="")

    class Meta:
        model = Collection
        fields = (
            "uid", "method", "terminal", "state", "opened_at", "received_at", "stored_at", "operator", "medium_serial",
            "size_bytes", "stored_count", "duplicate_count", "conflict_count", "quarantined_count", "skipped_count",
        )  # fmt: skip


class CollectionSerializer(serializers.Serializer[Any]):
    """How far a collection is. The counts are there once it was opened: what was announced against what came."""

    uid = serializers.UUIDField()
    state = serializers.ChoiceField(choices=["waiting", *State.values])
    reason = serializers.CharField(allow_blank=True)
    announced = serializers.IntegerField(required=False)
    received = serializers.IntegerField(required=False)
    missing = serializers.IntegerField(required=False)
    extra = serializers.IntegerField(required=False)
    left = serializers.IntegerField(required=False)
    stored = serializers.IntegerField(required=False)
    duplicate = serializers.IntegerField(required=False)
    conflict = serializers.IntegerField(required=False)
    quarantined = serializers.IntegerField(required=False)
    skipped = serializers.IntegerField(required=False)


class FileSerializer(serializers.ModelSerializer[ReceivedFile]):
    """A file that came, and what became of it."""

    outcome = serializers.ChoiceField(choices=Outcome.choices)
    sha256 = HexField()

    class Meta:
        model = ReceivedFile
        fields = ("source_name", "length_bytes", "sha256", "outcome", "reason_code", "reason", "sop_instance_uid")


class BothReceiptsSerializer(serializers.Serializer[Any]):
    """Each a JWS; null is not yet."""

    received = serializers.CharField(allow_null=True)
    stored = serializers.CharField(allow_null=True)


class ProofSerializer(serializers.Serializer[Any]):
    """A receipt, the event that put it on record, and the way from there to a signed head (RFC 9162, 2.1.3)."""

    receipt = serializers.CharField(help_text="JWS")
    leaf = serializers.CharField(help_text="the event, JSON; its `details.sha256` is the digest of the receipt")
    index = serializers.IntegerField(help_text="of the leaf, from 0")
    size = serializers.IntegerField(help_text="of the tree")
    path = serializers.ListField(child=serializers.CharField(), help_text="hashes, hex, the lowest first")
    checkpoint = serializers.CharField(help_text="JWS; its `root` is what comes out")


class BothProofsSerializer(serializers.Serializer[Any]):
    """Null until the next signed head, which comes at night."""

    received = ProofSerializer(allow_null=True)
    stored = ProofSerializer(allow_null=True)


class ReceiptSerializer(serializers.ModelSerializer[Receipt]):
    """A receipt of a list, with its own cursor."""

    cursor = serializers.CharField(source="pk")
    kind = serializers.ChoiceField(choices=ReceiptKind.choices)
    collection = serializers.UUIDField(source="collection.uid")

    class Meta:
        model = Receipt
        fields = ("cursor", "kind", "collection", "jws")


class ReceiptsSerializer(serializers.Serializer[Any]):
    """Receipts, oldest first. `next` is there at the end, too: with it, what comes later is asked for."""

    receipts = ReceiptSerializer(many=True)
    next = serializers.CharField()


class CollectionsView(Resource):
    """The facility's collections."""

    tag = "Collections"

    @extend_schema(
        operation_id="collections_list", responses=page_serializer("collections", ListedCollectionSerializer),
        parameters=[*PAGED, ATTENTION],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Collections, the latest first."""
        found = Collection.objects.filter(facility=entered(request).facility)
        if serializers.BooleanField().to_internal_value(request.query_params.get("attention", "false")):
            found = found.exclude(state=State.STORED, quarantined_count=0, conflict_count=0)
        page = page_of(request, found.select_related("terminal", "reception_record"), "-pk")
        return listed(request, "collections", ListedCollectionSerializer, page)


class CollectionView(Resource):
    """One collection."""

    tag = "Collections"

    @extend_schema(operation_id="collections_retrieve", responses=CollectionSerializer)
    def get(self, request: Request, collection_uid: UUID) -> Response:
        """How far a collection is: announced, received, stored, missing, extra, left."""
        upload, collection = _found(request, collection_uid)
        if collection is None:
            is_refused = upload is not None and upload.refused_at is not None
            reason = upload.reason if upload else ""
            return Response(
                {"uid": str(collection_uid), "state": "failed" if is_refused else "waiting", "reason": reason}
            )
        counted = reconcile(collection)
        state = "waiting" if collection.state == "open" else collection.state
        return Response({"uid": str(collection_uid), "state": state, "reason": "", **counted.as_dict()})


class FilesView(Resource):
    """Files of a collection."""

    tag = "Collections"

    @extend_schema(
        operation_id="collections_files", responses=page_serializer("files", FileSerializer),
        parameters=[*PAGED, OUTCOME],
    )  # fmt: skip
    def get(self, request: Request, collection_uid: UUID) -> Response:
        """The files that came, and what became of each."""
        _, collection = _found(request, collection_uid)
        found = ReceivedFile.objects.filter(facility=entered(request).facility, collection=collection)
        if outcome := request.query_params.get("outcome", ""):
            if outcome not in Outcome.values:
                raise ValidationError({"outcome": ["There is no such outcome"]})
            found = found.filter(outcome=outcome)
        return listed(request, "files", FileSerializer, page_of(request, found, "pk"))


class ReceiptsOfCollectionView(Resource):
    """Receipts of a collection."""

    tag = "Collections"

    @extend_schema(operation_id="collections_receipts", responses=BothReceiptsSerializer)
    def get(self, request: Request, collection_uid: UUID) -> Response:
        """The receipts of one collection; null is not yet."""
        _, collection = _found(request, collection_uid)
        receipts = issue_receipts(collection, now=timezone.now()) if collection else []
        return Response({"received": None, "stored": None} | {each.kind: each.jws for each in receipts})


class ProofsOfCollectionView(Resource):
    """That receipts are on the signed record."""

    tag = "Collections"

    @extend_schema(operation_id="collections_proofs", responses=BothProofsSerializer)
    def get(self, request: Request, collection_uid: UUID) -> Response:
        """The proofs that the receipts are on the signed record, with which anybody can check it; null is not yet."""
        _, collection = _found(request, collection_uid)
        receipts = Receipt.objects.filter(facility=entered(request).facility, collection=collection)
        proofs = {each.kind: inclusion_of(each) for each in receipts.select_related("facility")}
        told = {kind: proof.as_json() for kind, proof in proofs.items() if proof}
        return Response({"received": None, "stored": None} | told)


class ReceiptsView(Resource):
    """Receipts."""

    tag = "Collections"

    @extend_schema(operation_id="receipts_list", responses=ReceiptsSerializer, parameters=[AFTER])
    def get(self, request: Request) -> Response:
        """Receipts, oldest first, behind a cursor; a terminal's own, and those of visits to it."""
        after = request.query_params.get("after", "0") or "0"
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise ValidationError({"after": "A cursor that was given before"})
        found = list(_receipts(request).filter(pk__gt=int(after)).select_related("collection").order_by("pk")[:PAGE])
        told = {"receipts": found, "next": str(found[-1].pk) if found else after}
        return Response(ReceiptsSerializer(told).data)


def _sees_all(request: Request) -> bool:
    """Whether everything of the facility is seen, and not a device's own alone."""
    token = entered(request).token
    return token is None or Scope.COLLECTIONS in token.scopes


def _receipts(request: Request) -> QuerySet[Receipt]:
    entering = entered(request)
    receipts = Receipt.objects.filter(facility=entering.facility)
    return receipts if _sees_all(request) else receipts.filter(terminal__device_token=entering.token)


def _found(request: Request, uid: UUID) -> tuple[Upload | None, Collection | None]:
    """The upload and the collection; a device sees what it uploaded, and what came from its terminal."""
    entering = entered(request)
    facility, token = entering.facility, entering.token
    upload = Upload.objects.filter(facility=facility, collection_uid=uid).order_by("-pk").first()
    collections = Collection.objects.select_related("facility", "terminal").filter(facility=facility, uid=uid)
    collection = collections.first()
    if token and not _sees_all(request):
        is_own = upload is not None and upload.device_token_id == token.pk
        is_from_it = (
            collection is not None
            and collection.terminal is not None
            and collection.terminal.device_token_id == token.pk
        )
        if not (is_own or is_from_it):
            raise NotFound
    if upload is None and collection is None:
        raise NotFound
    return upload, collection
