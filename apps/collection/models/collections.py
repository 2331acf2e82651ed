"""Collections: acts of receiving image sets, their reception records, and what became of each file."""

from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import TEXT, UID_LENGTH, Conflict, Instance
from apps.collection.errors import IllegalTransition
from apps.collection.models.terminals import Terminal
from apps.core.shown import moment
from apps.facilities.models import DeviceToken, TenantModel
from apps.vault.models import Pack


class Method(models.TextChoices):
    """How image sets reach the center."""

    PUSH = "push", _("Sent online")
    MEDIA = "media", _("Brought medium")
    VISIT = "visit", _("Operator's visit")
    DICOM = "dicom", _("DICOM association")
    PULL = "pull", _("Fetched by the center")
    REREAD = "reread", _("Read again by the center")


class State(models.TextChoices):
    """State of a collection; `TRANSITIONS` lists what may follow what."""

    OPEN = "open", _("Receiving")
    RECEIVED = "received", _("Received")
    STORED = "stored", _("Stored")
    PARTIAL = "partial", _("Interrupted")
    FAILED = "failed", _("Failed")


TRANSITIONS: dict[State, frozenset[State]] = {
    State.OPEN: frozenset({State.RECEIVED, State.PARTIAL, State.FAILED}),
    State.RECEIVED: frozenset({State.STORED}),
    State.STORED: frozenset(),
    State.PARTIAL: frozenset(),
    State.FAILED: frozenset(),
}


class Outcome(models.TextChoices):
    """What became of one received file."""

    STORED = "stored", _("Stored")
    DUPLICATE = "duplicate", _("Already stored")
    CONFLICT = "conflict", _("In conflict")
    QUARANTINED = "quarantined", _("Quarantined")
    SKIPPED = "skipped", _("Skipped")


class Collection(TenantModel):
    """One act of receiving image sets: a visit, a push, a pull, a medium, a DICOM association."""

    uid = models.UUIDField(_("identifier"), default=uuid4, editable=False, help_text=_("the same in every manifest"))
    method = models.CharField(_("method"), max_length=10, choices=Method)
    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, editable=False,
        related_name="collections", verbose_name=_("terminal"),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(_("opened"))
    received_at = models.DateTimeField(_("received"), null=True)
    stored_at = models.DateTimeField(_("stored in both places"), null=True)
    stored_count = models.PositiveIntegerField(_("stored"), default=0)
    duplicate_count = models.PositiveIntegerField(_("already stored"), default=0)
    conflict_count = models.PositiveIntegerField(_("in conflict"), default=0)
    quarantined_count = models.PositiveIntegerField(_("quarantined"), default=0)
    skipped_count = models.PositiveIntegerField(_("skipped"), default=0)
    size_bytes = models.BigIntegerField(_("size"), default=0)

    class Meta:
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="collection_of_facility"),
            models.UniqueConstraint(fields=["facility", "uid"], name="collection_uid_of_facility"),
        ]
        indexes = [
            models.Index(fields=["facility", "-opened_at", "-id"], name="collection_by_time"),
            models.Index(fields=["facility", "received_at"], name="collection_by_reception"),
            models.Index(fields=["id"], condition=models.Q(state="received"), name="collection_not_yet_stored"),
            models.Index(
                fields=["facility", "terminal", "-opened_at"],
                condition=models.Q(terminal__isnull=False),
                name="collection_of_terminal",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def advance(self, state: State, *, at: datetime) -> None:
        """Move to `state`; the caller saves, in the transaction that makes it true. Raises IllegalTransition."""
        if state not in TRANSITIONS[State(self.state)]:
            raise IllegalTransition(
                gettext("Collection %(number)s is %(state)s and cannot become %(other)s")
                % {"number": self.pk, "state": self.get_state_display(), "other": State(state).label}
            )
        self.state = state
        if state in {State.RECEIVED, State.PARTIAL}:
            self.received_at = at
        if state == State.STORED:
            self.stored_at = at

    @property
    def file_count(self) -> int:
        """Files that were received, whatever became of them."""
        return self.kept_count + self.skipped_count

    @property
    def kept_count(self) -> int:
        """Files whose bytes the vault has: all but the skipped."""
        return self.stored_count + self.duplicate_count + self.conflict_count + self.quarantined_count


class ReceptionRecord(TenantModel):
    """When, by whom, how and from which medium a collection was received. Append-only."""

    collection = models.OneToOneField(
        Collection, on_delete=models.PROTECT, db_constraint=False, related_name="reception_record"
    )
    received_at = models.DateTimeField(_("received"))
    method = models.CharField(_("method"), max_length=10, choices=Method)
    operator = models.CharField(_("operator"), max_length=150, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    device_token = models.ForeignKey(
        DeviceToken, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    medium_serial = models.CharField(_("serial number of the medium"), max_length=100, blank=True)
    source_address = models.GenericIPAddressField(_("source address"), null=True)

    class Meta:
        verbose_name = _("reception record")
        verbose_name_plural = _("reception records")

    def __str__(self) -> str:
        return f"{self.get_method_display()} {moment(self.received_at)}"


class ReceivedFile(TenantModel):
    """One file of a collection and what became of it. `reason` names a fact about the file, without patient data."""

    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="files"
    )
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome)
    reason_code = models.CharField(_("reason code"), max_length=40, blank=True)
    reason = models.CharField(_("reason"), max_length=TEXT, blank=True)
    sop_instance_uid = models.CharField(_("SOP Instance UID"), max_length=UID_LENGTH, blank=True)
    length_bytes = models.BigIntegerField(_("length"))
    sha256 = models.BinaryField(_("SHA-256"), max_length=32)
    source_name = models.CharField(_("name on the medium"), max_length=400, blank=True)
    instance = models.ForeignKey(
        Instance, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="receptions"
    )
    conflict = models.ForeignKey(
        Conflict, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    pack = models.ForeignKey(
        Pack, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    pack_offset = models.BigIntegerField(_("offset in the pack"), null=True)

    class Meta:
        verbose_name = _("received file")
        verbose_name_plural = _("received files")
        indexes = [
            models.Index(fields=["facility", "collection", "outcome"], name="received_file_by_outcome"),
            models.Index(fields=["facility", "instance"], name="received_file_by_instance"),
            models.Index(fields=["facility", "pack"], name="received_file_by_pack"),
            models.Index(
                fields=["facility", "conflict"], condition=~models.Q(conflict=None), name="received_file_by_conflict"
            ),
            models.Index(
                fields=["facility", "id"], condition=models.Q(outcome="quarantined"), name="received_file_quarantined"
            ),
            models.Index(
                fields=["facility", "sha256"],
                condition=models.Q(outcome="quarantined"),
                name="quarantined_file_by_digest",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.get_outcome_display()}"
