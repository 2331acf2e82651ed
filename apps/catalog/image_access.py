"""Staff look at images by exception alone: one person, one study, with a reason, for a while; the facility reads it."""

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.catalog.models import AccessPurpose, ImageAccess, Study
from apps.core.errors import DomainError
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell

LASTS = timedelta(minutes=30)
SHORTEST_REASON = 10


class NoReason(DomainError):
    """Nobody could tell from this why the images were looked at."""

    code = "no_reason"


def open_images(
    study: Study, *, purpose: AccessPurpose, reason: str, by: User, actor: Actor, now: datetime
) -> ImageAccess:
    """Let a person of staff look at the images of a study, within the caller's transaction. Raises NoReason."""
    said = " ".join(reason.split())
    if len(said) < SHORTEST_REASON:
        raise NoReason(_("Say in a few words why you need to see the images: the facility reads it."))
    access = ImageAccess.objects.create(
        facility_id=study.facility_id, study_instance_uid=study.study_instance_uid, person=by, purpose=purpose,
        reason=said, opened_at=now, ends_at=now + LASTS,
    )  # fmt: skip
    record("study.opened_by_staff", actor=actor, object_type="study", object_id=study.pk, facility_id=study.facility_id,
           access=access.pk, purpose=str(purpose), until=access.ends_at.isoformat(timespec="seconds"))  # fmt: skip
    path = reverse("portal:access_record", kwargs={"facility_slug": study.facility.slug})
    tell(Kind.IMAGES_OPENED, facility=study.facility_id, about=("study", study.pk), path=path, occasion=access.pk)
    return access


def access_of(study: Study, *, person: User, now: datetime) -> ImageAccess | None:
    """By what the person may look at the study's images now."""
    found = ImageAccess.objects.filter(
        facility_id=study.facility_id, study_instance_uid=study.study_instance_uid, person=person, ends_at__gt=now
    )
    return found.order_by("-ends_at").first()


def record_look(access: ImageAccess, study: Study, *, actor: Actor, images: int) -> None:
    """Record that so many of the study's images were shown on a page, within the caller's transaction."""
    record("study.viewed_by_staff", actor=actor, object_type="study", object_id=study.pk,
           facility_id=study.facility_id, access=access.pk, images=images)  # fmt: skip
