"""The change feed: what was stored, changed and deleted, for programs that keep up with it."""

import re
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.paging import LIMIT, limit_of
from apps.api.resource import Resource
from apps.catalog.changes import changes_after, end_of_changes
from apps.catalog.models import ChangeKind, StudyChange

END = "end"
PATTERN = rf"^({END}|[0-9]{{0,18}})$"
AFTER = OpenApiParameter(
    "after", {"type": "string", "pattern": PATTERN},
    description=f"`next` of before; left out: from the beginning; `{END}`: from now on",
)  # fmt: skip


class ChangeSerializer(serializers.ModelSerializer[StudyChange]):
    """What became of a study, with its own cursor."""

    cursor = serializers.CharField(source="number")
    kind = serializers.ChoiceField(choices=ChangeKind.choices)

    class Meta:
        model = StudyChange
        fields = ("cursor", "kind", "study_instance_uid", "at")


class ChangesSerializer(serializers.Serializer[Any]):
    """Changes in their order. `next` is there at the end, too: with it, what comes later is asked for."""

    changes = ChangeSerializer(many=True)
    next = serializers.CharField()


class ChangesView(Resource):
    """Changes."""

    tag = "Studies"

    @extend_schema(operation_id="changes_list", responses=ChangesSerializer, parameters=[AFTER, LIMIT])
    def get(self, request: Request) -> Response:
        """What was stored, changed and deleted, in an order that never changes; nothing comes before a cursor later."""
        facility_id, after = entered(request).facility.pk, request.query_params.get("after", "")
        if not re.fullmatch(PATTERN, after, re.ASCII):
            raise ValidationError({"after": ["A cursor that was given before"]})
        if after == END:
            return Response({"changes": [], "next": str(end_of_changes(facility_id))})
        found = changes_after(facility_id, int(after or 0), limit=limit_of(request))
        if not found and int(after or 0) > end_of_changes(facility_id):
            raise ValidationError({"after": ["No such cursor was given out: begin anew"]})
        told = {"changes": found, "next": str(found[-1].number) if found else after or "0"}
        return Response(ChangesSerializer(told).data)
