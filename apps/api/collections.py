"""Collections as their sender sees them: how far they are, and their receipts."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.api.doors import entered
from apps.collection.models import Collection, Receipt, Upload
from apps.collection.receipts import issue_receipts
from apps.collection.reconciliation import reconcile

PAGE = 20


class CollectionView(APIView):
    """How far a collection is: announced, received, stored, missing, extra, left."""

    @extend_schema(responses=dict[str, Any])
    def get(self, request: Request, collection_uid: UUID) -> Response:
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


class ReceiptsOfCollectionView(APIView):
    """The receipts of one collection; null is not yet."""

    @extend_schema(responses=dict[str, str | None])
    def get(self, request: Request, collection_uid: UUID) -> Response:
        _, collection = _found(request, collection_uid)
        receipts = issue_receipts(collection, now=timezone.now()) if collection else []
        return Response({"received": None, "stored": None} | {each.kind: each.jws for each in receipts})


class ReceiptsView(APIView):
    """The receipts of a terminal, oldest first, behind a cursor."""

    @extend_schema(responses=dict[str, Any])
    def get(self, request: Request) -> Response:
        after = request.query_params.get("after", "0") or "0"
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise ValidationError({"after": "A cursor that was given before"})
        found = list(_receipts(request).filter(pk__gt=int(after)).select_related("collection").order_by("pk")[:PAGE])
        listed = [
            {"cursor": str(each.pk), "kind": each.kind, "collection": str(each.collection.uid), "jws": each.jws}
            for each in found
        ]
        return Response({"receipts": listed, "next": str(found[-1].pk) if found else after})


def _receipts(request: Request) -> QuerySet[Receipt]:
    entering = entered(request)
    receipts = Receipt.objects.filter(facility=entering.facility)
    return receipts.filter(terminal__device_token=entering.token) if entering.token else receipts


def _found(request: Request, uid: UUID) -> tuple[Upload | None, Collection | None]:
    """The upload and the collection; a device sees what it uploaded, and what came from its terminal."""
    entering = entered(request)
    facility, token = entering.facility, entering.token
    upload = Upload.objects.filter(facility=facility, collection_uid=uid).order_by("-pk").first()
    collections = Collection.objects.select_related("facility", "terminal").filter(facility=facility, uid=uid)
    collection = collections.first()
    if token:
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
