"""What the center shows of itself: who saw images, signed heads of the record, and what damage was found."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.describing import PROBLEM_DETAILS
from apps.api.doors import entered
from apps.api.fields import HexField
from apps.api.paging import PAGED, Page, limit_of, listed, page_of, page_serializer, read_cursor, write_cursor
from apps.api.resource import Resource
from apps.catalog.models import Study
from apps.core.clock import FIRST, day_of
from apps.core.problems import PROBLEM
from apps.evidence.access import (
    DEVICES,
    STAFF,
    USUAL_DAYS,
    Cursor,
    Look,
    Wanted,
    cursor_of,
    in_words,
    looks,
    record_reading,
)
from apps.evidence.holdings import holdings_of
from apps.evidence.models import Checkpoint, Holdings
from apps.evidence.periods import NoSuchPeriod, check_days
from apps.evidence.proofs import consistency_of
from apps.facilities.models import Membership
from apps.vault.models import Finding
from apps.vault.standing import damaged_packs

SINCE = OpenApiParameter("since", {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
                         description="the `id` of an earlier checkpoint; left out: the one before")  # fmt: skip


class AccessQuerySerializer(serializers.Serializer[Any]):
    """Whose looks at what, in which days of the facility's calendar: the last thirty, where nothing else is said."""

    first_on = serializers.DateField(required=False)
    last_on = serializers.DateField(required=False)
    who = serializers.RegexField(
        rf"^({STAFF}|{DEVICES}|[0-9]{{1,18}})$", required=False,
        help_text="`staff` of the center, `devices`, links and programs, or the `id` of a member",
    )  # fmt: skip
    study = serializers.RegexField(r"^[0-9.]{1,64}$", required=False, help_text="Study Instance UID")


class LookSerializer(serializers.Serializer[Any]):
    """One look. `study_instance_uid` is null where it is about no single study that is still there."""

    at = serializers.DateTimeField()
    who = serializers.CharField()
    is_staff = serializers.BooleanField(help_text="of the center")
    action = serializers.CharField(help_text="stable, for programs")
    what = serializers.CharField(help_text="for people")
    about = serializers.CharField()
    study_instance_uid = serializers.CharField(allow_null=True)
    source_address = serializers.CharField()


class CheckpointSerializer(serializers.ModelSerializer[Checkpoint]):
    """A signed head of the record: the Merkle root (RFC 9162) of its first `size` events, and the JWS that says so."""

    root_hash = HexField(source="root")

    class Meta:
        model = Checkpoint
        fields = ("id", "until", "size", "root_hash", "made_at", "jws")


class ConsistencySerializer(serializers.Serializer[Any]):
    """Two signed heads, and the hashes that prove that the later record begins with the earlier (RFC 9162, 2.1.4)."""

    first = serializers.CharField()
    second = serializers.CharField()
    path = serializers.ListField(child=serializers.CharField())


class FindingSerializer(serializers.ModelSerializer[Finding]):
    """A copy of a pack that was found not to be what was stored; open until `resolved_at`."""

    pack = serializers.CharField(source="pack_name")

    class Meta:
        model = Finding
        fields = ("id", "pack", "place", "damage", "found_at", "resolved_at", "resolution")


class HoldingsSerializer(serializers.ModelSerializer[Holdings]):
    """What the center keeps, as of a time; of large facilities as of the last hour."""

    damaged_packs = serializers.SerializerMethodField()

    class Meta:
        model = Holdings
        fields = (
            "as_of", "studies", "images", "patients", "size_bytes", "packs", "copied_packs", "verified_oldest_at",
            "verified_newest_at", "damaged_packs",
        )  # fmt: skip

    def get_damaged_packs(self, holdings: Holdings) -> int:
        return damaged_packs(holdings.facility)


class AccessRecordView(Resource):
    """Looks at the facility's images."""

    tag = "Accountability"

    @extend_schema(
        operation_id="access_record_list", responses=page_serializer("looks", LookSerializer),
        parameters=[*PAGED, AccessQuerySerializer],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Who saw or fetched which images, the latest first. Reading it is on record, too."""
        facility, limit = entered(request).facility, limit_of(request)
        found = looks(facility, _wanted(request), after=_after(request), limit=limit + 1)
        shown = in_words(facility, found[:limit])
        record_reading(facility, "viewed", len(shown), actor=entered(request).actor)
        last = write_cursor(request, str(cursor_of(found[limit - 1]))) if len(found) > limit else None
        return listed(request, "looks", LookSerializer, Page(_with_uids(request, shown), last))


class CheckpointsView(Resource):
    """Signed heads of the record."""

    tag = "Accountability"

    @extend_schema(
        operation_id="checkpoints_list", responses=page_serializer("checkpoints", CheckpointSerializer),
        parameters=PAGED,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """The signed heads of the record, the latest first. Kept elsewhere, they show whether it was changed."""
        return listed(request, "checkpoints", CheckpointSerializer, page_of(request, _checkpoints(request), "-until"))


class CheckpointView(Resource):
    """One signed head."""

    tag = "Accountability"

    @extend_schema(operation_id="checkpoints_retrieve", responses=CheckpointSerializer)
    def get(self, request: Request, checkpoint_id: int) -> Response:
        """One signed head of the record."""
        return Response(CheckpointSerializer(_checkpoint(request, checkpoint_id)).data)


class ConsistencyView(Resource):
    """That nothing was changed between two signed heads."""

    tag = "Accountability"

    @extend_schema(
        operation_id="checkpoints_consistency", parameters=[SINCE],
        responses={200: ConsistencySerializer, (409, PROBLEM): PROBLEM_DETAILS},
    )  # fmt: skip
    def get(self, request: Request, checkpoint_id: int) -> Response:
        """The proof that this record begins with that of an earlier head; `medvault-edge verify` checks it offline."""
        second = _checkpoint(request, checkpoint_id)
        earlier = _checkpoints(request).filter(until__lt=second.until).order_by("-until")
        if since := request.query_params.get("since", ""):
            if not (since.isascii() and since.isdigit() and len(since) < 19):
                raise ValidationError({"since": ["The id of a checkpoint"]})
            earlier = earlier.filter(pk=int(since))
        first = earlier.first()
        if first is None:
            raise NotFound
        return Response(consistency_of(first, second))


class HoldingsView(Resource):
    """What there is."""

    tag = "Accountability"

    @extend_schema(operation_id="holdings_retrieve", responses=HoldingsSerializer)
    def get(self, request: Request) -> Response:
        """How much the center keeps, how much of it in two places, when it was verified, and what is damaged now."""
        return Response(HoldingsSerializer(holdings_of(entered(request).facility, now=timezone.now())).data)


class FindingsView(Resource):
    """Damage."""

    tag = "Accountability"

    @extend_schema(
        operation_id="findings_list", responses=page_serializer("findings", FindingSerializer), parameters=PAGED
    )
    def get(self, request: Request) -> Response:
        """Damage that was found when copies were read again, and how it was repaired; the latest first."""
        found = Finding.objects.filter(facility=entered(request).facility)
        return listed(request, "findings", FindingSerializer, page_of(request, found, "-pk"))


def _wanted(request: Request) -> Wanted:
    query = AccessQuerySerializer(data=request.query_params)
    query.is_valid(raise_exception=True)
    given, facility = query.validated_data, entered(request).facility
    today = day_of(timezone.now(), facility.time_zone)
    last_on = given.get("last_on", today)
    try:
        check_days(given.get("first_on", FIRST), last_on)
    except NoSuchPeriod as error:
        raise ValidationError({error.field: [error.message]}) from error
    first_on = given.get("first_on", last_on - timedelta(days=USUAL_DAYS))
    return Wanted.of_days(facility, first_on, last_on, _who(request, given), _study(request, given))


def _who(request: Request, given: dict[str, Any]) -> str:
    who = str(given.get("who", ""))
    if not who.isdigit():
        return who
    member = Membership.objects.filter(facility=entered(request).facility, pk=who).first()
    if member is None:
        raise ValidationError({"who": ["No member has this id"]})
    return str(member.user_id)


def _study(request: Request, given: dict[str, Any]) -> int | None:
    if "study" not in given:
        return None
    study = Study.objects.filter(facility=entered(request).facility, study_instance_uid=given["study"]).first()
    if study is None:
        raise ValidationError({"study": ["There is no such study here"]})
    return study.pk


def _after(request: Request) -> Cursor | None:
    cursor = request.query_params.get("cursor", "")
    return Cursor.parse(str(read_cursor(request, cursor))) if cursor else None


def _with_uids(request: Request, shown: list[Look]) -> list[dict[str, Any]]:
    keys = {each.study_id for each in shown if each.study_id}
    studies = Study.objects.filter(facility=entered(request).facility, pk__in=keys)
    uids = dict(studies.values_list("pk", "study_instance_uid"))
    names = ("at", "who", "is_staff", "action", "what", "about", "source_address")
    return [
        {name: getattr(each, name) for name in names} | {"study_instance_uid": uids.get(each.study_id or 0)}
        for each in shown
    ]


def _checkpoints(request: Request) -> QuerySet[Checkpoint]:
    return Checkpoint.objects.filter(facility=entered(request).facility)


def _checkpoint(request: Request, checkpoint_id: int) -> Checkpoint:
    found = _checkpoints(request).filter(pk=checkpoint_id).first()
    if found is None:
        raise NotFound
    return found
