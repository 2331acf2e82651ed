"""The plan: what is agreed, the tiers side by side, and what a change would cost; what binds, a person signs."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import FileRenderer, file_answer, person, valid
from apps.api.plan_serializers import (
    AskedSerializer,
    EndSerializer,
    NameSerializer,
    PlanSerializer,
    ProposalsSerializer,
    TakeSerializer,
    TiersSerializer,
    VersionSerializer,
    told_offer,
    told_proposal,
)
from apps.api.resource import Resource
from apps.billing.changing import Proposal, Standing, accept, proposals, standing_of, take
from apps.billing.estimating import Estimate, estimated
from apps.billing.history import history, room_days
from apps.billing.offering import offered
from apps.billing.simulating import MONTHS, best, simulate
from apps.collection.models import Terminal
from apps.collection.schedule import outlooks
from apps.contracts.agreeing import end_after_notice, give_notice, terminating_contract_of, withdraw_notice
from apps.contracts.models import IN_FORCE, Contract, ContractVersion
from apps.contracts.signing import document
from apps.core.clock import day_of
from apps.orders.returning import confirm_return

SIGNS = OpenApiExample("A full name", {"name": "Hanako Sato"}, request_only=True)


class PlanView(Resource):
    """The plan."""

    tag = "Plan"

    @extend_schema(operation_id="plan_retrieve", responses=PlanSerializer)
    def get(self, request: Request) -> Response:
        """What is agreed: the contract, what governs today, all versions, and when it could end."""
        return Response(PlanSerializer(_told(_standing(request))).data)


class TiersView(Resource):
    """The tiers."""

    tag = "Plan"

    @extend_schema(operation_id="plan_tiers_list", responses=TiersSerializer, parameters=[AskedSerializer])
    def get(self, request: Request) -> Response:
        """The tiers side by side: prices, and what the last twelve months would have cost with each."""
        asked = AskedSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        return Response(TiersSerializer(_simulated(request, asked.validated_data)).data)


class TierView(Resource):
    """A change to a tier."""

    tag = "Plan"

    @extend_schema(operation_id="plan_tiers_retrieve", responses=ProposalsSerializer)
    def get(self, request: Request, tier_version_id: int) -> Response:
        """What this month and the next would come to with another tier, before and after, to the last unit."""
        standing = _standing(request)
        told = {
            "tier_version": tier_version_id,
            "currency": standing.currency,
            "proposals": [told_proposal(each) for each in _proposals(standing, tier_version_id)],
        }
        return Response(ProposalsSerializer(told).data)

    @extend_schema(
        operation_id="plan_tiers_take", request=TakeSerializer, responses={201: VersionSerializer},
        examples=[
            OpenApiExample("One proposal", {"change": "12.3.4.2026-12-01", "name": "Hanako Sato"}, request_only=True)
        ],
    )  # fmt: skip
    def post(self, request: Request, tier_version_id: int) -> Response:
        """Agree on one of the proposals and sign it. 409 `already_changed`: the amounts are others by now."""
        standing = _standing(request)
        proposals = {each.token: each.version.effective_from for each in _proposals(standing, tier_version_id)}
        asked = valid(TakeSerializer, request)
        if asked["change"] not in proposals:
            raise serializers.ValidationError({"change": ["This is none of the proposals of now"]})
        version = take(
            entered(request).facility, tier_version_id, effective_from=proposals[asked["change"]],
            token=asked["change"], name=asked["name"], today=standing.today, **_doer(request),
        )  # fmt: skip
        return Response(VersionSerializer(version).data, status=status.HTTP_201_CREATED)


class ContractDocumentView(Resource):
    """A contract to file."""

    tag = "Plan"
    renderer_classes = (FileRenderer,)

    @extend_schema(operation_id="plan_versions_document", responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, version_id: int) -> HttpResponse:
        """A version of the contract as it was signed, or as it is to be: PDF/A."""
        version = _version(request, version_id)
        return file_answer(document(version), f"{version.contract}-{version.number}.pdf", "application/pdf")


class SignView(Resource):
    """A signature."""

    tag = "Plan"

    @extend_schema(operation_id="plan_versions_sign", request=NameSerializer, responses=VersionSerializer,
                   examples=[SIGNS])  # fmt: skip
    def post(self, request: Request, version_id: int) -> Response:
        """An owner signs a version that was drawn up for the facility."""
        version, asked = _version(request, version_id), valid(NameSerializer, request)
        accept(version, name=asked["name"], **_doer(request))
        return Response(VersionSerializer(version).data)


class NoticeView(Resource):
    """Notice."""

    tag = "Plan"

    @extend_schema(operation_id="plan_notice_preview", responses=EndSerializer)
    def get(self, request: Request) -> Response:
        """When the contract would end, were notice given today."""
        contract, today = _in_force(request)
        return Response({"ends_on": end_after_notice(contract, on=today, now=timezone.now())})

    @extend_schema(operation_id="plan_notice_give", request=None, responses={201: EndSerializer})
    def post(self, request: Request) -> Response:
        """Give notice: the contract ends, and until then everything is given back."""
        contract, today = _in_force(request)
        give_notice(contract, on=today, by=person(request), actor=entered(request).actor, now=timezone.now())
        return Response({"ends_on": contract.ends_on}, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="plan_notice_withdraw", request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Take notice back: the contract goes on."""
        contract, _today = _in_force(request)
        withdraw_notice(contract, by=person(request), actor=entered(request).actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReturnedView(Resource):
    """The last word of a contract that ends."""

    tag = "Plan"

    @extend_schema(operation_id="plan_returned", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """The facility says that it has everything back."""
        door = entered(request)
        contract = terminating_contract_of(door.facility.pk)
        if contract is None:
            raise NotFound
        confirm_return(contract, by=person(request), actor=door.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _standing(request: Request) -> Standing:
    facility = entered(request).facility
    return standing_of(facility, today=day_of(timezone.now(), facility.time_zone))


def _told(standing: Standing) -> dict[str, Any]:
    contract = standing.contract
    in_force = contract is not None and contract.state in IN_FORCE and standing.agreed is not None
    return {
        "contract": contract,
        "currency": standing.currency,
        "agreed": standing.agreed,
        "versions": standing.versions,
        "waiting": standing.waiting,
        "next_visit_on": standing.next_visit_on,
        "could_end_on": end_after_notice(contract, on=standing.today, now=timezone.now())
        if contract and in_force
        else None,
    }


def _simulated(request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    facility, standing = entered(request).facility, _standing(request)
    offers = offered(standing.currency, as_of=standing.today, agreed=standing.agreed)
    is_estimate = "studies" in asked
    if is_estimate:
        expected = Estimate(asked["studies"], asked["mb"], asked.get("films", 0))
        months = estimated(expected, until=standing.today, months=MONTHS)
    else:
        months = history(facility, until=standing.today, months=MONTHS)
    terminals = Terminal.objects.filter(facility=facility, retired_at=None).select_related("facility")
    lasts = room_days(outlooks(list(terminals), as_of=timezone.now()))
    outcomes = simulate(months, [each.offer for each in offers], currency=standing.currency, room_days=lasts)
    choice = best(outcomes, urgency=asked.get("urgency"), budget=asked.get("budget")) if months else None
    return {
        "currency": standing.currency,
        "months": len(months),
        "is_estimate": is_estimate,
        "reason": choice.reason if choice else "",
        "tiers": [
            told_offer(each, outcome, is_best=choice is not None and outcome is choice.outcome)
            for each, outcome in zip(offers, outcomes, strict=True)
        ],
    }


def _proposals(standing: Standing, tier_version_id: int) -> list[Proposal]:
    """Raises NotFound where the tier is not offered, or agreed on already."""
    found = proposals(standing, tier_version_id)
    if not found:
        raise NotFound
    return found


def _version(request: Request, version_id: int) -> ContractVersion:
    versions = ContractVersion.objects.select_related("facility", "contract__facility", "tier_version__tier")
    version = versions.select_related("price_list").filter(facility=entered(request).facility, pk=version_id).first()
    if version is None:
        raise NotFound
    return version


def _in_force(request: Request) -> tuple[Contract, Any]:
    standing = _standing(request)
    if standing.contract is None or not standing.is_in_force:
        raise NotFound
    return standing.contract, standing.today


def _doer(request: Request) -> dict[str, Any]:
    door = entered(request)
    return {
        "by": person(request),
        "source_address": door.actor.source_address,
        "actor": door.actor,
        "now": timezone.now(),
    }
