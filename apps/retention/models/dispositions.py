"""Dispositions: the decided and carried-out end of a study; what remains of it afterwards is the tombstone."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import SHORT, UID_LENGTH, Study
from apps.facilities.models import TenantModel
from apps.retention.errors import IllegalTransition


class State(models.TextChoices):
    """State of a disposition; `TRANSITIONS` lists what may follow what."""

    EXPIRED = "expired", _("Expired")
    NOTIFIED = "notified", _("Waiting for the facility")
    APPROVED = "approved", _("Approved")
    DELETING = "deleting", _("Being deleted")
    DELETED = "deleted", _("Deleted")
    WITHDRAWN = "withdrawn", _("Kept")


TRANSITIONS: dict[State, frozenset[State]] = {
    State.EXPIRED: frozenset({State.NOTIFIED, State.APPROVED, State.WITHDRAWN}),
    State.NOTIFIED: frozenset({State.APPROVED, State.WITHDRAWN}),
    State.APPROVED: frozenset({State.DELETING, State.WITHDRAWN}),
    State.DELETING: frozenset({State.DELETED}),
    State.DELETED: frozenset(),
    State.WITHDRAWN: frozenset(),
}
OPEN = [State.EXPIRED, State.NOTIFIED, State.APPROVED]


class Disposition(TenantModel):
    """One end of one study, without patient data: it stays when the study is gone.

    `contents`: the packs and the digests of the files that were deleted. `certificate`: a JWS that says so.
    """

    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="dispositions"
    )
    study_instance_uid = models.CharField(_("Study Instance UID"), max_length=UID_LENGTH)
    study_date = models.DateField(_("study date"), null=True)
    modalities = ArrayField(models.CharField(max_length=SHORT), default=list, verbose_name=_("modalities"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.EXPIRED)
    kept_until = models.DateField(_("kept until"))
    governing = models.JSONField(_("governing floor"), default=dict)
    created_at = models.DateTimeField(_("expired"))
    notified_at = models.DateTimeField(_("notified"), null=True)
    notice = models.CharField(max_length=32, blank=True)  # the occasion of the notification that tells of it
    told_at = models.DateTimeField(_("last mailed"), null=True)
    decide_by = models.DateTimeField(_("to be decided by"), null=True)
    next_at = models.DateTimeField(_("next step"), null=True)
    approved_at = models.DateTimeField(_("approved"), null=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decision = models.CharField(_("decided by"), max_length=20, blank=True)
    withdrawn_at = models.DateTimeField(_("kept since"), null=True)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    pack_ids = ArrayField(models.BigIntegerField(), default=list)
    contents = models.JSONField(default=dict)
    instance_count = models.PositiveIntegerField(_("instances"), default=0)
    size_bytes = models.BigIntegerField(_("size"), default=0)
    deleting_at = models.DateTimeField(_("deletion begun"), null=True)
    deleted_at = models.DateTimeField(_("deleted"), null=True)
    certificate = models.TextField(_("certificate"), blank=True)

    class Meta:
        verbose_name = _("disposition")
        verbose_name_plural = _("dispositions")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="disposition_of_facility"),
            models.UniqueConstraint(
                fields=["facility", "study"], condition=models.Q(state__in=[*OPEN, State.DELETING]),
                name="one_open_disposition",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["facility", "study"], name="disposition_of_study"),
            models.Index(fields=["next_at", "id"], condition=models.Q(state__in=OPEN), name="disposition_by_next_step"),
            models.Index(fields=["id"], condition=models.Q(state=State.DELETING), name="disposition_deleting"),
            models.Index(fields=["facility", "state", "-id"], name="disposition_by_state"),
            models.Index(
                fields=["facility", "decide_by", "id"],
                condition=models.Q(state=State.NOTIFIED),
                name="disposition_to_be_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.study_instance_uid}"

    def advance(self, state: State, *, at: datetime) -> None:
        """Go to another state. Raises IllegalTransition."""
        if state not in TRANSITIONS[State(self.state)]:
            raise IllegalTransition(
                gettext("A disposition that is %(state)s cannot become %(other)s")
                % {"state": self.get_state_display(), "other": State(state).label}
            )
        self.state = state
        stamp = {
            State.NOTIFIED: "notified_at", State.APPROVED: "approved_at", State.WITHDRAWN: "withdrawn_at",
            State.DELETING: "deleting_at", State.DELETED: "deleted_at",
        }[state]  # fmt: skip
        setattr(self, stamp, at)
        self.next_at = at if state == State.APPROVED else None
