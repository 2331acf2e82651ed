"""Forms about rules: recording a version, and confirming that it governs from now on."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from apps.core.locks import lock_names
from apps.facilities.models import FacilityKind
from apps.retention.law import UNCONFIRMED
from apps.retention.models import Rule
from apps.retention.models.rules import is_period
from apps.retention.rules import ADULT_AT

_PLACE = RegexValidator(r"\A[A-Z]{2}(-[A-Z0-9]{1,3})?\Z", _("ISO 3166: JP, or US-TX."))
_CODE = RegexValidator(r"\A[A-Z0-9_ ]{1,16}\Z", _("Capital letters and digits, as DICOM writes them."))
_PURPOSE = RegexValidator(r"\A[a-z_]{1,20}\Z", _("Small letters, for instance screening."))
_LIST = UnfoldAdminTextInputWidget


class ListField(forms.CharField):
    """Several codes, separated by commas; each is validated by itself."""

    def __init__(self, *, code: RegexValidator, **options: Any) -> None:
        super().__init__(widget=_LIST, **options)
        self.code = code

    def run_validators(self, value: Any) -> None:
        for each in value:
            self.code(each)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else value

    def to_python(self, value: Any) -> Any:
        return sorted({part.strip() for part in str(value or "").split(",") if part.strip()})


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A version of a rule. `version_of` is the version that it follows, None for the first of a new rule."""

    version_of: Rule | None = None

    jurisdictions = ListField(code=_PLACE, label=_("Jurisdictions"), help_text=_("JP, or several: AU-ACT, AU-NSW"))
    facility_kinds = forms.MultipleChoiceField(
        label=_("Kinds of facilities"), required=False, choices=FacilityKind, help_text=_("None of them: all"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )  # fmt: skip
    modalities = ListField(code=_CODE, label=_("Modalities"), required=False, help_text=_("Empty: all"))
    body_parts = ListField(code=_CODE, label=_("Body parts"), required=False, help_text=_("Empty: all"))
    purposes = ListField(code=_PURPOSE, label=_("Purposes"), required=False, help_text=_("Empty: all"))
    minor_until_age = forms.IntegerField(
        label=_("Minors: until the birthday at"), required=False, min_value=1, max_value=100,
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip
    minor_after_majority = forms.CharField(
        label=_("Minors: or this period after majority"), required=False, validators=[is_period], widget=_LIST
    )
    minor_majority = forms.IntegerField(
        label=_("Majority at"), required=False, min_value=14, max_value=25, widget=UnfoldAdminIntegerFieldWidget
    )
    minor_seen_at = forms.IntegerField(
        label=_("Minors last seen at the age of"), required=False, min_value=1, max_value=25,
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip
    minor_late_age = forms.IntegerField(
        label=_("Those: until the birthday at"), required=False, min_value=1, max_value=100,
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip

    class Meta:
        model = Rule
        fields = (
            "key", "jurisdictions", "facility_kinds", "modalities", "body_parts", "purposes", "period", "start",
            "under_two", "after_death", "unless_later_mammogram", "rounding", "maximum", "valid_from", "valid_to",
            "citation", "source", "confidence", "note",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.version_of:
            self.fields["key"].disabled = True
            self.initial["key"] = self.version_of.key
        for name in ("citation", "source"):
            self.fields[name].required = True

    def clean(self) -> dict[str, Any]:
        content: dict[str, Any] = super().clean() or self.cleaned_data
        self._check_version(content.get("key", ""))
        since, until = content.get("valid_from"), content.get("valid_to")
        if since and until and since >= until:
            self.add_error("valid_to", _("This is not after the day from which it binds."))
        self.instance.minor = self._minor(content)
        return content

    def _check_version(self, key: str) -> None:
        """A form that was sent twice records one version: the second waits for the first, and sees it."""
        lock_names([f"rule/{key}"])
        newer = Rule.objects.filter(key=key, version__gt=self.version_of.version if self.version_of else 0)
        if newer.exists() and self.version_of:
            self.add_error(None, _("Another version was recorded meanwhile: begin with that one."))
        elif newer.exists():
            self.add_error("key", _("There is such a rule: open it and record a new version."))

    def _minor(self, content: dict[str, Any]) -> dict[str, Any] | None:
        parts = ("until_age", "after_majority", "majority", "seen_at", "late_age")
        given = {name: content[f"minor_{name}"] for name in parts if content.get(f"minor_{name}")}
        if not given:
            return None
        if bool(given.get("until_age")) == bool(given.get("after_majority")):
            self.add_error("minor_until_age", _("A minors' clause has an age or a period after majority, one of them."))
        if ("seen_at" in given) != ("late_age" in given):
            self.add_error("minor_late_age", _("An age at the last visit and its birthday go together."))
        if given.get("until_age", 99) <= given.get("majority", ADULT_AT):
            self.add_error("minor_until_age", _("This is no later than majority."))
        return given


def initial_of(rule: Rule) -> dict[str, Any]:
    """What the form of the next version begins with."""
    fields = {name: getattr(rule, name) for name in RuleForm.Meta.fields}
    return fields | {f"minor_{name}": value for name, value in (rule.minor or {}).items()}


class ConfirmForm(forms.Form):
    """Confirmation that rules govern from now on; those of one source or of memory need a statement."""

    confirmation = forms.CharField(
        label=_("Who confirmed the rule, and from which text"),
        max_length=1000,
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
    )

    def __init__(self, *args: Any, rules: Sequence[Rule], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not any(rule.confidence in UNCONFIRMED and not rule.confirmation for rule in rules):
            del self.fields["confirmation"]
