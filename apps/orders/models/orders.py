"""Output orders: what a facility asks for, what it was told that it costs and when it is ready, and where it stands."""

from typing import Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import UID_LENGTH
from apps.contracts.models import ContractVersion
from apps.core.money import Currency, formatted
from apps.core.shown import moment
from apps.facilities.models import TenantModel
from apps.orders.errors import IllegalTransition
from apps.tiers.models import Item


class State(models.TextChoices):
    """State of an order; `TRANSITIONS` lists what may follow what, and the database refuses the rest."""

    QUOTED = "quoted", _("Quoted")
    REQUESTED = "requested", pgettext_lazy("order", "Requested")
    ACCEPTED = "accepted", _("Accepted")
    PRODUCING = "producing", _("Being produced")
    READY = "ready", _("Ready")
    DISPATCHED = "dispatched", _("Dispatched")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")


# What failed goes back to accepted.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUOTED: frozenset({State.REQUESTED, State.CANCELLED}),
    State.REQUESTED: frozenset({State.ACCEPTED, State.CANCELLED}),
    State.ACCEPTED: frozenset({State.PRODUCING, State.CANCELLED}),
    State.PRODUCING: frozenset({State.READY, State.ACCEPTED}),
    State.READY: frozenset({State.DISPATCHED, State.ACCEPTED}),
    State.DISPATCHED: frozenset({State.COMPLETED, State.ACCEPTED}),
    State.COMPLETED: frozenset(),
    State.CANCELLED: frozenset(),
}
WAITING = [State.REQUESTED, State.ACCEPTED, State.PRODUCING, State.READY]
"""The center has something to do."""
ENDED = [State.COMPLETED, State.CANCELLED]


class OrderKind(models.TextChoices):
    """The form in which images leave; `kinds.KINDS` says how each is counted, produced and checked."""

    DOWNLOAD = "download", _("Download")
    DEIDENTIFIED = "deidentified", _("De-identified copy")
    FILM = "film", _("Film")
    PAPER = "paper", _("Paper")
    MEDIUM = "medium", _("Disc or stick")
    TRANSFER = "transfer", _("Transfer to a node")
    SHARE = "share", _("Share link")
    RESTORE = "restore", _("Restore")


class OrderQuerySet(models.QuerySet["Order"]):
    def waiting(self) -> Self:
        """Orders that the center has something to do for."""
        return self.filter(state__in=WAITING)


class Order(TenantModel):
    """One order. What was quoted never changes: another wish is another quote.

    `emergency` says why it cannot wait for an overdue invoice. `delivered_at` is set when it is first dispatched, and
    never again: it is charged then, once, however often it is done again.
    """

    uid = models.UUIDField(_("identifier"), default=uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=12, choices=OrderKind)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUOTED)
    version = models.ForeignKey(
        ContractVersion, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+",
        verbose_name=_("contract version"),
    )  # fmt: skip
    options = models.JSONField(_("options"), default=dict, help_text=_("what its kind lets choose beyond the images"))
    is_urgent = models.BooleanField(_("urgent"), default=False)
    currency = models.CharField(_("currency"), max_length=3, choices=Currency)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    ready_hours = models.PositiveSmallIntegerField(_("hours until ready"))
    instance_count = models.PositiveIntegerField(_("images"))
    size_bytes = models.BigIntegerField(_("size"))
    newest_counted = models.BigIntegerField(help_text=_("highest id of the images that were counted"), editable=False)
    quoted_at = models.DateTimeField(_("quoted"))
    valid_until = models.DateTimeField(_("quote holds until"))
    requested_at = models.DateTimeField(_("requested"), null=True)
    due_at = models.DateTimeField(_("due"), null=True)
    emergency = models.CharField(_("emergency"), max_length=300, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("claimed by")
    )
    tracking_number = models.CharField(_("tracking number"), max_length=80, blank=True)
    delivered_at = models.DateTimeField(_("first dispatched"), null=True)
    offered_until = models.DateTimeField(_("offered until"), null=True)
    problem = models.CharField(_("problem"), max_length=300, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="order_of_facility"),
            models.UniqueConstraint(fields=["facility", "uid"], name="order_uid_of_facility"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="order_costs_nothing_or_more"),
        ]
        indexes = [
            models.Index(fields=["facility", "-id"], name="order_newest_first"),
            models.Index(fields=["due_at", "id"], condition=Q(state__in=WAITING), name="order_by_due_time"),
            models.Index(fields=["facility", "delivered_at"], name="order_by_delivery"),
            models.Index(fields=["valid_until"], condition=Q(state=State.QUOTED), name="order_by_validity"),
        ]

    def __str__(self) -> str:
        return f"O-{self.pk:06d}" if self.pk else "-"

    def advance(self, state: State) -> None:
        """Go to another state; the caller saves. Raises IllegalTransition."""
        if state not in TRANSITIONS[State(self.state)]:
            why = (
                gettext("Nothing was done: the order is “%(state)s” already.")
                if state == self.state
                else gettext("Nothing was done: by now the order is “%(state)s”, and cannot become “%(other)s”.")
            )
            raise IllegalTransition(why % {"state": self.get_state_display(), "other": State(state).label})
        self.state = state

    @property
    def price(self) -> str:
        """What it costs, for people."""
        return formatted(self.amount, self.currency)

    @property
    def is_offered(self) -> bool:
        """Whether the facility may fetch what was produced; the term is the caller's to look at."""
        return self.state in {State.DISPATCHED, State.COMPLETED}


class OrderItem(TenantModel):
    """A study that was chosen, or one of its series, or one image. By UID: an order outlives what it gave out."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="items"
    )
    study_instance_uid = models.CharField(_("Study Instance UID"), max_length=UID_LENGTH)
    series_instance_uid = models.CharField(_("Series Instance UID"), max_length=UID_LENGTH, blank=True)
    sop_instance_uid = models.CharField(_("SOP Instance UID"), max_length=UID_LENGTH, blank=True)

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "order", "study_instance_uid", "series_instance_uid", "sop_instance_uid"],
                name="chosen_once",
            ),
        ]

    def __str__(self) -> str:
        return self.sop_instance_uid or self.series_instance_uid or self.study_instance_uid


class OrderAddress(TenantModel):
    """Where an order is sent, if not to the facility itself. Kept with the order alone, and erased after a term."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="addresses"
    )
    name = models.CharField(_("recipient"), max_length=120, blank=True)
    lines = models.TextField(pgettext_lazy("postal", "address"), max_length=400, blank=True)
    erased_at = models.DateTimeField(_("erased"), null=True)

    class Meta:
        verbose_name = _("address of an order")
        verbose_name_plural = _("addresses of orders")
        constraints = [models.UniqueConstraint(fields=["facility", "order"], name="address_of_order")]
        indexes = [models.Index(fields=["id"], condition=Q(erased_at=None), name="address_kept")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class OrderPassword(TenantModel):
    """What opens the media of an order for a patient. Sealed to the center's key, and erased when the order ends."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="passwords"
    )
    sealed = models.BinaryField(max_length=1024, null=True, editable=False)
    erased_at = models.DateTimeField(_("erased"), null=True)

    class Meta:
        verbose_name = _("password of an order")
        verbose_name_plural = _("passwords of orders")
        constraints = [models.UniqueConstraint(fields=["facility", "order"], name="password_of_order")]
        indexes = [models.Index(fields=["id"], condition=Q(erased_at=None), name="password_kept")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class QuoteLine(TenantModel):
    """What of an order has a price: `quantity` times `unit_price`, rounded, is `amount`."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="lines"
    )
    item = models.CharField(_("item"), max_length=16, choices=Item)
    quantity = models.DecimalField(_("quantity"), max_digits=18, decimal_places=6)
    unit_price = models.DecimalField(_("unit price"), max_digits=14, decimal_places=6)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)

    class Meta:
        verbose_name = _("line of a quote")
        verbose_name_plural = _("lines of quotes")
        constraints = [models.UniqueConstraint(fields=["facility", "order", "item"], name="quoted_once")]

    def __str__(self) -> str:
        return self.get_item_display()


class Step(TenantModel):
    """That an order came into a state: when, by whom, and what is to be said about it. Append-only."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="steps"
    )
    state = models.CharField(_("state"), max_length=10, choices=State)
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(_("note"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        indexes = [models.Index(fields=["facility", "order", "id"], name="steps_of_order")]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {moment(self.at)}"


class Message(TenantModel):
    """What facility and center write to each other about an order. Append-only."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="messages"
    )
    text = models.TextField(_("message"), max_length=2000)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", help_text=_("null: a program")
    )
    is_from_center = models.BooleanField(_("from the center"))
    at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [models.Index(fields=["facility", "order", "id"], name="messages_of_order")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class Output(TenantModel):
    """One production of an order, done or to do; a worker that produces holds its row. A redo is another one.

    `attempts`: how often a worker has begun; of one that was killed nothing else is left.
    """

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="outputs"
    )
    number = models.PositiveSmallIntegerField(_("production"))
    started_at = models.DateTimeField(_("wanted since"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    made_at = models.DateTimeField(_("produced and checked"), null=True)
    name = models.CharField(_("file"), max_length=120, blank=True)
    size_bytes = models.BigIntegerField(_("size"), default=0)
    sha256 = models.BinaryField(_("SHA-256"), max_length=32, null=True)
    erased_at = models.DateTimeField(_("erased"), null=True)

    class Meta:
        verbose_name = _("production")
        verbose_name_plural = _("productions")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="production_of_facility"),
            models.UniqueConstraint(fields=["facility", "order", "number"], name="production_of_order"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(made_at=None), name="output_to_make"),
            models.Index(fields=["id"], condition=Q(made_at__isnull=False, erased_at=None), name="output_kept"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.number}"


class Fault(TenantModel):
    """An image of which a production could not be made, and why. By UID, and without patient data. Append-only."""

    output = models.ForeignKey(
        Output, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="faults"
    )
    sop_instance_uid = models.CharField(_("SOP Instance UID"), max_length=UID_LENGTH)
    why = models.CharField(_("why"), max_length=300)

    class Meta:
        verbose_name = _("fault of a production")
        verbose_name_plural = _("faults of productions")
        constraints = [
            models.UniqueConstraint(fields=["facility", "output", "sop_instance_uid"], name="one_fault_an_image"),
        ]

    def __str__(self) -> str:
        return f"{self.sop_instance_uid}: {self.why}"


class Arrival(TenantModel):
    """How much of a restore a terminal has fetched, verified and synced, as it told last; and of how much."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="arrivals"
    )
    production = models.PositiveSmallIntegerField(_("production"))
    files = models.PositiveBigIntegerField(_("files that arrived"))
    total_files = models.PositiveBigIntegerField(_("files in all"))
    size_bytes = models.PositiveBigIntegerField(_("size of what arrived"))
    total_bytes = models.PositiveBigIntegerField(_("size in all"))
    begun_at = models.DateTimeField(_("begun"))
    told_at = models.DateTimeField(_("told last"))

    class Meta:
        verbose_name = _("arrival of a restore")
        verbose_name_plural = _("arrivals of restores")
        constraints = [
            models.UniqueConstraint(fields=["facility", "order", "production"], name="arrival_of_production"),
        ]

    def __str__(self) -> str:
        return f"{self.files} / {self.total_files}"


class ShareLink(TenantModel):
    """A way to one production of an order for a receiver without an account; it dies with what it leads to.

    Token and code are shown once. `factors_hmac` is the HMAC-SHA256 of birth date and code under the token: the rows
    alone do not let anybody try codes.
    """

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="links"
    )
    production = models.PositiveSmallIntegerField(_("production"))
    uid = models.UUIDField(_("identifier"), default=uuid4, editable=False)
    token_sha256 = models.BinaryField(unique=True, max_length=32)
    factors_hmac = models.BinaryField(max_length=32)
    asks_birth_date = models.BooleanField(_("asks for the birth date"))
    made_at = models.DateTimeField(_("made"))
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    downloads_left = models.PositiveSmallIntegerField(_("downloads left"))
    refusals = models.PositiveSmallIntegerField(_("refusals"), default=0)
    locked_at = models.DateTimeField(_("locked"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("share link")
        verbose_name_plural = _("share links")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="share_link_of_facility"),
            models.UniqueConstraint(
                fields=["facility", "order"], condition=Q(revoked_at=None), name="one_share_link_of_order"
            ),
        ]
        indexes = [models.Index(fields=["facility", "order", "id"], name="share_links_of_order")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class ShareOpening(TenantModel):
    """That a receiver gave the right factors; until it ends, its cookie's secret shows what the link leads to."""

    link = models.ForeignKey(
        ShareLink, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="openings"
    )
    secret_sha256 = models.BinaryField(unique=True, max_length=32)
    opened_at = models.DateTimeField(_("opened"))
    ends_at = models.DateTimeField(_("ends"))
    downloaded_at = models.DateTimeField(_("downloaded"), null=True)

    class Meta:
        verbose_name = _("opening of a share link")
        verbose_name_plural = _("openings of share links")
        constraints = [models.UniqueConstraint(fields=["facility", "link", "id"], name="opening_of_share_link")]

    def __str__(self) -> str:
        return f"#{self.pk}"
