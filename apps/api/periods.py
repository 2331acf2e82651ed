"""Storage periods: what ends, what waits for a decision, deciding in bulk, and the certificates of what is gone."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import BoundedListField, FileRenderer, doer, file_answer, valid
from apps.api.paging import PAGED, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.api.studies import note_listed
from apps.core.clock import day_of
from apps.retention.certificate_document import certificate_pdf
from apps.retention.certificates import number_of
from apps.retention.deciding import EXTENSIONS, Decided, approve, decide_all, extend, object_to
from apps.retention.explaining import explain, missing_in_words
from apps.retention.models import Disposition, Retention, State

APPROVE, OBJECT = "approve", "object"
MOST_AT_ONCE = 500
WITHIN = OpenApiParameter("within", {"type": "integer", "minimum": 1, "maximum": 3660, "default": 365},
                          description="days from today")  # fmt: skip


class EndingSerializer(serializers.ModelSerializer[Retention]):
    """A study whose storage period ends."""

    study_instance_uid = serializers.CharField(source="study.study_instance_uid")
    study_date = serializers.DateField(source="study.study_date", allow_null=True)

    class Meta:
        model = Retention
        fields = ("study_instance_uid", "study_date", "kept_until")


class UnknownSerializer(serializers.ModelSerializer[Retention]):
    """A study whose storage period cannot be told: what is `missing`, by its code and in words. It never ends so."""

    study_instance_uid = serializers.CharField(source="study.study_instance_uid")
    study_date = serializers.DateField(source="study.study_date", allow_null=True)
    in_words = serializers.SerializerMethodField()

    class Meta:
        model = Retention
        fields = ("study_instance_uid", "study_date", "certain_until", "missing", "in_words")

    def get_in_words(self, retention: Retention) -> list[str]:
        return missing_in_words(retention.missing)


class DueSerializer(serializers.ModelSerializer[Disposition]):
    """A study whose period has ended, and on which the facility is to decide."""

    because = serializers.SerializerMethodField()
    citation = serializers.SerializerMethodField()

    class Meta:
        model = Disposition
        fields = (
            "id", "study_instance_uid", "study_date", "modalities", "kept_until", "because", "citation", "notified_at",
            "decide_by",
        )  # fmt: skip

    def get_because(self, disposition: Disposition) -> str:
        return explain(disposition.governing) if disposition.governing else ""

    def get_citation(self, disposition: Disposition) -> str:
        return str(disposition.governing.get("citation", ""))


class DecisionSerializer(serializers.Serializer[Any]):
    """What is decided: let them be deleted, keep them longer, or object, which holds them without a date."""

    decision = serializers.ChoiceField(choices=[APPROVE, *EXTENSIONS, OBJECT])
    dispositions = BoundedListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), min_length=1, max_length=MOST_AT_ONCE
    )
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["decision"] == OBJECT and not attrs["reason"]:
            raise serializers.ValidationError({"reason": "Say why they are held"})
        return attrs


class RefusedSerializer(serializers.Serializer[Any]):
    """On which it is not decided, and why."""

    disposition = serializers.IntegerField()
    detail = serializers.CharField()


class DecidedSerializer(serializers.Serializer[Any]):
    """How many were decided on; one that is refused keeps back no other."""

    decided = serializers.IntegerField()
    refused = RefusedSerializer(many=True)


class CertificateSerializer(serializers.ModelSerializer[Disposition]):
    """The proof of a deletion: a JWS (EdDSA) of the keys at /.well-known/medvault-jwks.json."""

    number = serializers.SerializerMethodField()
    jws = serializers.CharField(source="certificate")

    class Meta:
        model = Disposition
        fields = (
            "id", "number", "study_instance_uid", "study_date", "kept_until", "deleted_at", "instance_count",
            "size_bytes", "jws",
        )  # fmt: skip

    def get_number(self, disposition: Disposition) -> str:
        return number_of(disposition)


EXAMPLE = OpenApiExample(
    "Keep two a year longer", {"decision": "P1Y", "dispositions": [17, 18], "reason": ""}, request_only=True
)


class EndingView(Resource):
    """What ends soon."""

    tag = "Storage periods"

    @extend_schema(
        operation_id="storage_periods_list", responses=page_serializer("storage_periods", EndingSerializer),
        parameters=[*PAGED, WITHIN],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Studies whose storage period ends within so many days, the first to end first."""
        door, days = entered(request), request.query_params.get("within", "365")
        if not (days.isascii() and days.isdigit() and len(days) < 5 and 1 <= int(days) <= 3660):
            raise ValidationError({"within": ["A whole number from 1 to 3660"]})
        today = day_of(timezone.now(), door.facility.time_zone)
        found = Retention.objects.filter(
            facility=door.facility, kept_until__gte=today, kept_until__lte=today + timedelta(days=int(days))
        )
        page = page_of(request, found.select_related("study"), "kept_until", "pk")
        note_listed(request, len(page.rows))
        return listed(request, "storage_periods", EndingSerializer, page)


class UnknownView(Resource):
    """What cannot be told."""

    tag = "Storage periods"

    @extend_schema(
        operation_id="storage_periods_unknown", responses=page_serializer("unknown_periods", UnknownSerializer),
        parameters=PAGED,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Studies whose storage period cannot be told, and what is missing: care events, a birth date, a rule."""
        found = Retention.objects.filter(facility=entered(request).facility).exclude(missing=[])
        page = page_of(request, found.select_related("study"), "pk")
        note_listed(request, len(page.rows))
        return listed(request, "unknown_periods", UnknownSerializer, page)


class DecisionsView(Resource):
    """Decisions on what has ended."""

    tag = "Storage periods"

    @extend_schema(
        operation_id="decisions_list", responses=page_serializer("dispositions", DueSerializer), parameters=PAGED
    )
    def get(self, request: Request) -> Response:
        """What waits for the facility's decision."""
        page = page_of(request, _waiting(request), "pk")
        note_listed(request, len(page.rows))
        return listed(request, "dispositions", DueSerializer, page)

    @extend_schema(
        operation_id="decisions_create", request=DecisionSerializer, responses=DecidedSerializer, examples=[EXAMPLE]
    )
    def post(self, request: Request) -> Response:
        """Decide on many at once. What is approved is deleted soon, and not to be had back."""
        return Response(DecidedSerializer(_decide(request, valid(DecisionSerializer, request))).data)


class DecisionPreviewView(Resource):
    """Decisions tried out."""

    tag = "Storage periods"
    asks = True

    @extend_schema(
        operation_id="decisions_preview", request=DecisionSerializer, responses=DecidedSerializer, examples=[EXAMPLE]
    )
    def post(self, request: Request) -> Response:
        """What deciding so would do: it is done, and taken back as a whole."""
        asked = valid(DecisionSerializer, request)
        with transaction.atomic():
            told = _decide(request, asked)
            transaction.set_rollback(True)
        return Response(DecidedSerializer(told).data)


class CertificatesView(Resource):
    """Certificates of deletion."""

    tag = "Storage periods"

    @extend_schema(
        operation_id="certificates_list", responses=page_serializer("certificates", CertificateSerializer),
        parameters=PAGED,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """What was deleted, the latest first, each with its certificate."""
        page = page_of(request, _deleted(request), "-pk")
        return listed(request, "certificates", CertificateSerializer, page)


class CertificateView(Resource):
    """One certificate."""

    tag = "Storage periods"

    @extend_schema(operation_id="certificates_retrieve", responses=CertificateSerializer)
    def get(self, request: Request, disposition_id: int) -> Response:
        """The certificate of one deletion."""
        return Response(CertificateSerializer(_found(request, disposition_id)).data)


class CertificateDocumentView(Resource):
    """A certificate to file."""

    tag = "Storage periods"
    renderer_classes = (FileRenderer,)

    @extend_schema(operation_id="certificates_document", responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, disposition_id: int) -> HttpResponse:
        """The certificate as PDF/A, with the signed one within."""
        found = _found(request, disposition_id)
        return file_answer(certificate_pdf(found), f"{number_of(found)}.pdf", "application/pdf")


def _waiting(request: Request) -> Any:
    return Disposition.objects.filter(facility=entered(request).facility, state=State.NOTIFIED)


def _deleted(request: Request) -> Any:
    return Disposition.objects.filter(facility=entered(request).facility, state=State.DELETED)


def _found(request: Request, disposition_id: int) -> Disposition:
    found: Disposition | None = _deleted(request).select_related("facility").filter(pk=disposition_id).first()
    if found is None:
        raise NotFound
    return found


def _decide(request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    wanted = dict.fromkeys(asked["dispositions"])
    found = list(_waiting(request).filter(pk__in=wanted).select_related("study").order_by("pk"))
    decided: Decided = decide_all(found, _in_part(_act(request, asked)))
    unknown = dict.fromkeys(wanted.keys() - {each.pk for each in found}, "This does not wait for a decision")
    refused = sorted((unknown | decided.refused).items())
    return {"decided": decided.done, "refused": [{"disposition": key, "detail": why} for key, why in refused]}


def _in_part(act: Callable[[Disposition], object]) -> Callable[[Disposition], None]:
    """One is decided on as a whole or not at all, whatever becomes of the others."""

    def whole(disposition: Disposition) -> None:
        with transaction.atomic():
            act(disposition)

    return whole


def _act(request: Request, asked: dict[str, Any]) -> Callable[[Disposition], object]:
    given: dict[str, Any] = {"by": doer(request), "actor": entered(request).actor, "now": timezone.now()}
    match asked["decision"]:
        case "approve":
            return partial(approve, **given)
        case "object":
            return partial(object_to, reason=asked["reason"], **given)
        case period:
            return lambda disposition: extend(_study(disposition), period=period, reason=asked["reason"], **given)


def _study(disposition: Disposition) -> Any:
    assert disposition.study
    return disposition.study
