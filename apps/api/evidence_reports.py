"""Evidence reports: asked for, followed while they are made, fetched with the center's signature."""

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import FileRenderer, doer, file_answer, valid
from apps.api.paging import PAGED, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.evidence.models import Report, ReportState
from apps.evidence.periods import NoSuchPeriod
from apps.evidence.report_document import fetch
from apps.evidence.reporting import cancel_report, request_report
from apps.evidence.tasks import announce_report


class ListedReportSerializer(serializers.ModelSerializer[Report]):
    """A report, and how far it is."""

    number = serializers.CharField(source="__str__", read_only=True)
    state = serializers.ChoiceField(choices=ReportState.choices, read_only=True)

    class Meta:
        model = Report
        fields: tuple[str, ...] = (
            "id", "number", "first_on", "last_on", "state", "percent", "problem", "requested_at", "made_at",
        )  # fmt: skip
        read_only_fields = ("percent", "problem", "requested_at", "made_at")


class ReportSerializer(ListedReportSerializer):
    """The same with its facts, once it is ready."""

    facts = serializers.DictField()

    class Meta(ListedReportSerializer.Meta):
        fields = (*ListedReportSerializer.Meta.fields, "facts")


class EvidenceReportsView(Resource):
    """Evidence reports."""

    tag = "Accountability"

    @extend_schema(
        operation_id="evidence_reports_list", responses=page_serializer("reports", ListedReportSerializer),
        parameters=PAGED,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """The evidence reports that were asked for, the latest first."""
        page = page_of(request, _reports(request).defer("facts", "jws"), "-pk")
        return listed(request, "reports", ListedReportSerializer, page)

    @extend_schema(
        operation_id="evidence_reports_create", request=ListedReportSerializer, responses={201: ListedReportSerializer},
        examples=[OpenApiExample("A year", {"first_on": "2025-04-01", "last_on": "2026-03-31"}, request_only=True)],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Ask for a report about days that have ended, at most three years of them. A worker makes it."""
        asked, door = valid(ListedReportSerializer, request), entered(request)
        try:
            report = request_report(door.facility, **asked, by=doer(request), actor=door.actor, now=timezone.now())
        except NoSuchPeriod as error:
            raise ValidationError({error.field: [error.message]}) from error
        transaction.on_commit(announce_report)
        return Response(ListedReportSerializer(report).data, status=status.HTTP_201_CREATED)


class EvidenceReportView(Resource):
    """One report."""

    tag = "Accountability"

    @extend_schema(operation_id="evidence_reports_retrieve", responses=ReportSerializer)
    def get(self, request: Request, report_id: int) -> Response:
        """How far a report is, and its facts once it is ready."""
        return Response(ReportSerializer(_found(_reports(request).defer("jws"), report_id)).data)


class CancelReportView(Resource):
    """Leave a report off."""

    tag = "Accountability"

    @extend_schema(operation_id="evidence_reports_cancel", request=None, responses=ListedReportSerializer)
    def post(self, request: Request, report_id: int) -> Response:
        """Nobody waits for the report any more: a worker that makes it leaves off, and nothing of it stays."""
        report = _found(_reports(request).defer("jws"), report_id)
        cancel_report(report, actor=entered(request).actor)
        return Response(ListedReportSerializer(report).data)


class EvidenceReportDocumentView(Resource):
    """A report to hand over."""

    tag = "Accountability"
    renderer_classes = (FileRenderer,)

    @extend_schema(operation_id="evidence_reports_document", responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, report_id: int) -> HttpResponse:
        """A report that is ready as PDF/A, with the signed facts within."""
        return _file(request, report_id, "pdf", "application/pdf")


class EvidenceReportSignedView(Resource):
    """The signed facts of a report."""

    tag = "Accountability"
    renderer_classes = (FileRenderer,)

    @extend_schema(operation_id="evidence_reports_signed", responses={(200, "application/jose"): OpenApiTypes.BINARY})
    def get(self, request: Request, report_id: int) -> HttpResponse:
        """The facts of a report that is ready as JWS, which `medvault-edge verify` checks."""
        return _file(request, report_id, "jws", "application/jose")


def _reports(request: Request) -> QuerySet[Report]:
    return Report.objects.filter(facility=entered(request).facility)


def _found(reports: QuerySet[Report], report_id: int) -> Report:
    report = reports.select_related("facility").filter(pk=report_id).first()
    if report is None:
        raise NotFound
    return report


def _file(request: Request, report_id: int, form: str, content_type: str) -> HttpResponse:
    report = _found(_reports(request).filter(state=ReportState.READY), report_id)
    content = fetch(report, form, actor=entered(request).actor)
    return file_answer(content, f"{entered(request).facility.slug}-{report}.{form}", content_type)
