"""Rules of the law, versioned. What a rule says never changes once it was in force: another version replaces it."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.periods import parse_period
from apps.retention.rules import Minor, RuleTerms, terms_of

CODE = 20


def is_period(text: str) -> None:
    """Refuse what is neither an ISO 8601 period nor "forever"."""
    if text != "forever":
        try:
            parse_period(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Confidence(models.TextChoices):
    """How far a rule's text has been checked."""

    READ = "A", _("Text of the rule read")
    AGREED = "B", _("Regulator, professional body or agreeing sources")
    SINGLE = "C", _("One source, or an old one")
    MEMORY = "U", _("From memory")


class Start(models.TextChoices):
    """What a period runs from."""

    EXAM = "exam", _("the exam")
    LAST_EXAM = "last_exam", _("the last exam")
    LAST_VISIT = "last_visit", _("the last visit")
    LAST_RECORD_CHANGE = "last_record_change", _("the last change of the record")
    CARE_COMPLETED = "care_completed", _("the completion of care")
    DISCHARGE = "discharge", _("the discharge")
    TREATMENT_START = "treatment_start", _("the beginning of treatment")
    TREATMENT_END = "treatment_end", _("the end of treatment")
    DIAGNOSIS = "diagnosis", _("the diagnosis")
    EMPLOYMENT_END = "employment_end", _("the end of employment")
    EXPOSURE_WORK_END = "exposure_work_end", _("the end of work with exposure")
    RECEPTION = "reception", _("the reception")


class Rule(models.Model):
    """One version of a rule. It governs from `enabled_at` until `retired_at`; empty lists bind everything."""

    key = models.SlugField(_("key"), max_length=40)
    version = models.PositiveIntegerField(_("version"), default=1)
    jurisdictions = ArrayField(models.CharField(max_length=6), verbose_name=_("jurisdictions"))
    facility_kinds = ArrayField(models.CharField(max_length=CODE), default=list, blank=True)
    modalities = ArrayField(models.CharField(max_length=CODE), default=list, blank=True, verbose_name=_("modalities"))
    body_parts = ArrayField(models.CharField(max_length=CODE), default=list, blank=True, verbose_name=_("body parts"))
    purposes = ArrayField(models.CharField(max_length=CODE), default=list, blank=True, verbose_name=_("purposes"))
    period = models.CharField(_("period"), max_length=CODE, validators=[is_period], help_text=_("ISO 8601, e.g. P10Y"))
    start = models.CharField(_("from"), max_length=CODE, choices=Start)
    minor = models.JSONField(_("minors' clause"), null=True, blank=True)
    under_two = models.CharField(_("period under the age of two"), max_length=CODE, blank=True, validators=[is_period])
    after_death = models.CharField(_("period after death"), max_length=CODE, blank=True, validators=[is_period])
    unless_later_mammogram = models.CharField(
        _("period without a later mammogram"), max_length=CODE, blank=True, validators=[is_period]
    )
    rounding = models.CharField(
        _("rounding"), max_length=CODE, blank=True, choices=[("end_of_year", _("to the end of the year"))]
    )
    maximum = models.CharField(_("at most"), max_length=CODE, blank=True, validators=[is_period])
    valid_from = models.DateField(_("for exams from"), null=True, blank=True)
    valid_to = models.DateField(_("for exams before"), null=True, blank=True)
    citation = models.CharField(_("citation"), max_length=200, blank=True)
    source = models.CharField(_("source"), max_length=300, blank=True)
    confidence = models.CharField(_("confidence"), max_length=1, choices=Confidence)
    note = models.TextField(_("note"), blank=True)
    confirmation = models.TextField(_("confirmed by"), blank=True)
    created_at = models.DateTimeField(_("recorded"), auto_now_add=True)
    enabled_at = models.DateTimeField(_("in force since"), null=True)
    enabled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    retired_at = models.DateTimeField(_("retired"), null=True)
    retired_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        ordering = ["key", "version"]
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="rule_version"),
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(enabled_at__isnull=False, retired_at=None),
                name="one_version_in_force",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"

    @property
    def is_in_force(self) -> bool:
        """Whether it governs now."""
        return self.enabled_at is not None and self.retired_at is None

    @property
    def terms(self) -> RuleTerms:
        """What it says, as floors.py computes with it."""
        return terms_of({name: getattr(self, name) for name in RuleTerms.__slots__})

    def clean(self) -> None:
        """Refuse a minors' clause that floors.py does not know."""
        if self.minor:
            try:
                Minor(**self.minor)
            except TypeError as error:
                known = ", ".join(Minor.__slots__)
                raise ValidationError({"minor": _("A minors' clause has these parts: %s") % known}) from error


def definition_of(rule: Rule) -> dict[str, Any]:
    """The fields that say what the rule is, for another version of it."""
    return {name: getattr(rule, name) for name in (*RuleTerms.__slots__, "source", "confidence", "note")}
