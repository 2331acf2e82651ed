"""What the center sells: tiers, their versions, and price lists that take effect on a day."""

from datetime import date
from decimal import Decimal
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.core.money import Currency
from apps.core.shown import day


class Frequency(models.TextChoices):
    """How often image sets are collected; what a tier is named for and its price follows."""

    ON_REQUEST = "on_request", _("On request")
    MONTHLY = "monthly", _("Every month")
    BIWEEKLY = "biweekly", _("Every two weeks")
    WEEKLY = "weekly", _("Every week")
    DAILY = "daily", _("Every day")
    CONTINUOUS = "continuous", _("Continuously, online")

    @property
    def days(self) -> int | None:
        """Days between two collections; 0 where there is no waiting, None where nothing is promised."""
        return _DAYS[self]


_DAYS: dict[str, int | None] = {
    "on_request": None, "monthly": 30, "biweekly": 14, "weekly": 7, "daily": 1, "continuous": 0,
}  # fmt: skip


class Way(models.TextChoices):
    """How image sets travel under a tier."""

    VISIT = "visit", _("Operator's visit")
    ONLINE = "online", _("Online")
    MEDIA = "media", _("Brought or sent media")
    LEASED_LINE = "leased_line", _("Leased line")


class Item(models.TextChoices):
    """What a price is of. The unit follows in `UNITS`."""

    BASE_FEE = "base_fee", _("Base fee")
    VISIT = "visit", _("Collection by visit")
    ONLINE = "online", _("Collection online")
    MEDIA = "media", _("Collection from media")
    STORAGE_GB = "storage_gb", _("Storage by volume")
    STORAGE_STUDY = "storage_study", _("Storage by study")
    EXTENSION = "extension", _("Storage beyond the mandatory period")
    RESTORE = "restore", _("Restore")
    FILM = "film", _("Film")
    PAPER = "paper", _("Paper")
    MEDIUM = "medium", _("Disc or stick")
    DOWNLOAD = "download", _("Download")
    TRANSFER = "transfer", _("Transfer to a node")
    SHARE = "share", _("Share link")
    DELIVERY = "delivery", _("Delivery")


UNITS: dict[str, object] = {
    Item.BASE_FEE: _("month"),
    Item.VISIT: _("visit"),
    Item.ONLINE: _("transfer"),
    Item.MEDIA: _("medium"),
    Item.STORAGE_GB: _("GB-month"),
    Item.STORAGE_STUDY: _("study-month"),
    Item.EXTENSION: _("study-year"),
    Item.RESTORE: _("GB"),
    Item.FILM: _("sheet"),
    Item.PAPER: _("sheet"),
    Item.MEDIUM: _("medium"),
    Item.DOWNLOAD: _("order"),
    Item.TRANSFER: _("order"),
    Item.SHARE: _("link"),
    Item.DELIVERY: _("parcel"),
}


class Tier(models.Model):
    """A service that the center offers, under one name through all its versions."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    summary = models.CharField(_("summary"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    in_languages = models.JSONField(_("in other languages"), default=dict, editable=False)
    """Name and summary by language: `{"ja": {"name": "毎週", "summary": "…"}}`. What is not told is as above."""

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self._told("name")

    @property
    def told_summary(self) -> str:
        """The summary in the reader's language."""
        return self._told("summary")

    def _told(self, what: str) -> str:
        found: str = self.in_languages.get(get_language(), {}).get(what) or getattr(self, what)
        return found


class TierVersionQuerySet(models.QuerySet["TierVersion"]):
    def offered(self, *, as_of: date) -> Self:
        """Versions that may be chosen on a day."""
        return self.filter(Q(offered_until=None) | Q(offered_until__gte=as_of), offered_from__lte=as_of)


class TierVersion(models.Model):
    """What a tier promises, from a day on. Once a contract uses it, it does not change (contracts, 0003)."""

    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="versions", verbose_name=_("tier"))
    number = models.PositiveSmallIntegerField(_("version"))
    offered_from = models.DateField(_("offered from"))
    offered_until = models.DateField(_("offered until"), null=True, blank=True)
    frequency = models.CharField(_("collection frequency"), max_length=12, choices=Frequency)
    ways = ArrayField(models.CharField(max_length=12, choices=Way), verbose_name=_("ways of collection"))
    agreed_instances = models.PositiveIntegerField(_("images a collection"), null=True, blank=True)
    agreed_bytes = models.BigIntegerField(_("bytes a collection"), null=True, blank=True)
    response_hours = models.PositiveSmallIntegerField(_("hours to answer a request for collection"))
    output_hours = models.PositiveSmallIntegerField(_("hours to an output"))
    urgent_output_hours = models.PositiveSmallIntegerField(_("hours to an urgent output"))
    needs_approval = models.BooleanField(_("staff approves each contract"), default=False)
    used_at = models.DateTimeField(_("first used"), null=True, editable=False)

    objects = TierVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("tier version")
        verbose_name_plural = _("tier versions")
        ordering = ["tier__position", "tier_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["tier", "number"], name="version_of_tier"),
            models.CheckConstraint(
                condition=Q(urgent_output_hours__lte=models.F("output_hours")), name="urgent_is_sooner"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tier} ({self.number})"

    def is_offered(self, *, as_of: date) -> bool:
        """Whether it may be chosen on a day: told by its dates, never stored."""
        return self.offered_from <= as_of and (self.offered_until is None or as_of <= self.offered_until)


class PriceList(models.Model):
    """Prices of a tier version in one currency, from a day on. Once a contract uses it, it does not change."""

    tier_version = models.ForeignKey(
        TierVersion, on_delete=models.PROTECT, related_name="price_lists", verbose_name=_("tier version")
    )
    currency = models.CharField(_("currency"), max_length=3, choices=Currency)
    effective_from = models.DateField(_("effective from"))
    urgent_factor = models.DecimalField(
        _("factor of urgent outputs"), max_digits=5, decimal_places=2, default=Decimal(1),
        validators=[MinValueValidator(Decimal(1))],
    )  # fmt: skip
    used_at = models.DateTimeField(_("first used"), null=True, editable=False)

    class Meta:
        verbose_name = _("price list")
        verbose_name_plural = _("price lists")
        ordering = ["tier_version", "currency", "-effective_from"]
        constraints = [
            models.UniqueConstraint(fields=["tier_version", "currency", "effective_from"], name="price_list_of_day"),
            models.CheckConstraint(condition=Q(urgent_factor__gte=1), name="urgent_is_not_cheaper"),
        ]

    def __str__(self) -> str:
        return f"{self.tier_version} {self.currency} {day(self.effective_from)}"


class Price(models.Model):
    """The price of one unit of an item. `included` units a month cost nothing. What has no price is not charged."""

    price_list = models.ForeignKey(PriceList, on_delete=models.PROTECT, related_name="prices")
    item = models.CharField(_("item"), max_length=16, choices=Item)
    unit_price = models.DecimalField(
        _("unit price"), max_digits=14, decimal_places=6, validators=[MinValueValidator(Decimal(0))]
    )
    included = models.DecimalField(
        _("included a month"), max_digits=12, decimal_places=3, default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
    )  # fmt: skip

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        ordering = ["price_list", "id"]
        constraints = [
            models.UniqueConstraint(fields=["price_list", "item"], name="one_price_an_item"),
            models.CheckConstraint(condition=Q(unit_price__gte=0, included__gte=0), name="price_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.get_item_display()}"


def tier_name(path: str) -> Coalesce:
    """The name of the tier that `path` leads to, in the reader's language, for queries."""
    told = KeyTextTransform("name", KeyTransform(get_language() or "", f"{path}__in_languages"))
    return Coalesce(NullIf(told, Value("")), f"{path}__name", output_field=models.TextField())


def current_price_list(version: TierVersion, currency: str, *, as_of: date) -> PriceList | None:
    """The price list that a contract made on a day would take."""
    lists = version.price_lists.filter(currency=currency, effective_from__lte=as_of)
    return lists.order_by("-effective_from").first()
