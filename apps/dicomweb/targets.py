"""What the addresses of the Retrieve transaction name: a facility's instances with where their bytes are."""

from collections.abc import Sequence
from functools import partial

from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet

from apps.audit.record import record
from apps.catalog.models import Instance
from apps.catalog.part10 import IMPLICIT_LITTLE_ENDIAN, is_uid
from apps.dicomweb.refusal import Refused
from apps.facilities.doors import FacilityRequest
from apps.facilities.tenancy import as_facility

_LEVELS = {
    "study_instance_uid": "series__study__study_instance_uid",
    "series_instance_uid": "series__series_instance_uid",
    "sop_instance_uid": "sop_instance_uid",
}


LOOK_S = 15 * 60
NO_SUCH = "No such study, series or instance"


def retrieved(request: FacilityRequest, uids: dict[str, str], what: str = "instances") -> Sequence[Instance]:
    """The instances below the UIDs of an address, in the order of their bytes, on record. Raises Refused.

    Another facility's are no others than those that do not exist.
    """
    with as_facility(request.facility):
        instances = list(_found(request, uids).order_by("pack_id", "pack_offset"))
        if not instances:
            raise Refused(404, NO_SUCH)
        study_id = instances[0].series.study_id
        _record(request, f"{what}.retrieved", study_id, count=len(instances))
    return instances


def looked_at(request: FacilityRequest, uids: dict[str, str]) -> Instance:
    """The instance of an address, of which a viewer takes one part after another. Raises Refused.

    Who looks at a study is on record once in LOOK_S, and not for each part of each of its images.
    """
    with as_facility(request.facility):
        return _looked(request, _found(request, uids).first())


def shown_for(request: FacilityRequest, uids: dict[str, str]) -> Instance:
    """The instance that stands for a study or series: in the middle of its images, if it has any. Raises Refused."""
    with as_facility(request.facility):
        found = _found(request, uids)
        images = found.filter(has_pixel_data=True).order_by("series__series_number", "series_id", "instance_number")
        middle = images.count() // 2
        chosen = images[middle : middle + 1].first() or found.first()
        return _looked(request, chosen)


def _looked(request: FacilityRequest, instance: Instance | None) -> Instance:
    if instance is None:
        raise Refused(404, NO_SUCH)
    study_id = instance.series.study_id
    look = f"wado-look:{request.actor.kind}:{request.actor.id}:{study_id}"
    if not cache.get(look):
        _record(request, "study.viewed", study_id)
        transaction.on_commit(partial(cache.set, look, 1, LOOK_S))
    return instance


def syntax_of(instance: Instance) -> str:
    """The transfer syntax of what is stored; implicit little endian where the file does not say it."""
    return instance.transfer_syntax_uid or IMPLICIT_LITTLE_ENDIAN


def _found(request: FacilityRequest, uids: dict[str, str]) -> QuerySet[Instance]:
    if not all(map(is_uid, uids.values())):
        raise Refused(404, NO_SUCH)
    asked = {_LEVELS[name]: uid for name, uid in uids.items()}
    instances = Instance.objects.filter(facility=request.facility, **asked).select_related("pack", "series__study")
    return instances.only(
        *("pack_offset", "length_bytes", "sha256", "sop_class_uid", "sop_instance_uid", "transfer_syntax_uid"),
        *("facility_id", "has_pixel_data", "number_of_frames", "pack__name"),
        *("series__series_instance_uid", "series__study__study_instance_uid"),
    )


def _record(request: FacilityRequest, action: str, study_id: int, **details: int) -> None:
    record(
        action,
        actor=request.actor,
        object_type="study",
        object_id=study_id,
        facility_id=request.facility.pk,
        **details,
    )
