"""The search form, and searches kept in the session: criteria name patients, and addresses must not."""

import secrets
from dataclasses import fields
from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from apps.catalog.search import StudyCriteria
from apps.core.shown import day

KEPT_SEARCHES = 20
SESSION_KEY = "study_searches"
MODALITIES = [
    "CR", "CT", "DOC", "DX", "ES", "IO", "MG", "MR", "NM", "OP", "OPT", "OT", "PT", "PX", "RF", "SR", "US", "XA",
]  # fmt: skip
SEXES = [("", _("any")), ("F", _("female")), ("M", _("male")), ("O", _("other"))]
GROUPS = {
    _("Patient"): ["patient_name", "patient_id", "patient_birth_date", "patient_sex"],
    _("Study"): [
        "study_date_from",
        "study_date_to",
        "accession_number",
        "study_id",
        "study_description",
        "body_part",
        "image_number",
        "referring_physician_name",
        "modalities",
    ],
    _("Origin"): [
        "institution_name",
        "station_name",
        "manufacturer",
        "protocol_name",
        "received_from",
        "received_to",
    ],
}
LARGEST_NUMBER = 2**31 - 1  # of an IS value (PS3.5, 6.2)
_CRITERIA = {field.name for field in fields(StudyCriteria)}


class StudySearchForm(forms.Form):
    """Everything the accompanying information can be searched by. * and ? are wildcards."""

    text = forms.CharField(label=_("Name, patient ID or accession number"), required=False, max_length=100)
    patient_name = forms.CharField(label=_("Patient name"), required=False, max_length=100)
    patient_id = forms.CharField(label=_("Patient ID"), required=False, max_length=64)
    patient_birth_date = forms.DateField(label=_("Birth date"), required=False)
    patient_sex = forms.ChoiceField(label=_("Sex"), required=False, choices=SEXES)
    accession_number = forms.CharField(label=_("Accession number"), required=False, max_length=64)
    study_date_from = forms.DateField(label=_("Date of imaging from"), required=False)
    study_date_to = forms.DateField(label=_("Date of imaging to"), required=False)
    received_from = forms.DateField(label=_("Received from"), required=False)
    received_to = forms.DateField(label=_("Received to"), required=False)
    modalities = forms.MultipleChoiceField(
        label=_("Modality"), required=False, choices=[(name, name) for name in MODALITIES],
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    study_description = forms.CharField(label=_("Description"), required=False, max_length=64)
    body_part = forms.CharField(label=_("Body part"), required=False, max_length=64)
    image_number = forms.IntegerField(
        label=_("Image number"), required=False, min_value=-LARGEST_NUMBER - 1, max_value=LARGEST_NUMBER
    )
    study_id = forms.CharField(label=_("Study ID"), required=False, max_length=64)
    referring_physician_name = forms.CharField(label=_("Referring physician"), required=False, max_length=64)
    institution_name = forms.CharField(label=_("Institution"), required=False, max_length=64)
    station_name = forms.CharField(label=_("Station"), required=False, max_length=64)
    manufacturer = forms.CharField(label=_("Manufacturer"), required=False, max_length=64)
    protocol_name = forms.CharField(label=_("Protocol"), required=False, max_length=64)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, forms.DateField):
                field.widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            if name != "modalities":
                field.widget.attrs["autocomplete"] = "off"

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields beside the quick search, under what they are about."""
        return [(str(label), [self[name] for name in names]) for label, names in GROUPS.items()]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for first, last in (("study_date_from", "study_date_to"), ("received_from", "received_to")):
            if cleaned.get(first) and cleaned.get(last) and cleaned[first] > cleaned[last]:
                self.add_error(last, _("The end is before the beginning"))
        return cleaned

    def criteria(self) -> StudyCriteria:
        """What was asked for; only after is_valid()."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "", [])}
        if "modalities" in given:
            given["modalities"] = tuple(given["modalities"])
        return StudyCriteria(**{name: value for name, value in given.items() if name in _CRITERIA})

    def faults(self) -> str:
        """What is wrong with which field, in one line."""
        return " ".join(f"{self[name].label}: {' '.join(map(str, errors))}" for name, errors in self.errors.items())

    def chips(self) -> list[tuple[str, str, str]]:
        """Name, label and value of every criterion in use, to be shown and taken away."""
        return [
            (name, str(self.fields[name].label), _shown(value, dict(getattr(self.fields[name], "choices", []))))
            for name, value in self.cleaned_data.items()
            if value not in (None, "", [])
        ]


def _shown(value: Any, choices: dict[str, Any]) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return day(value) if isinstance(value, date) else str(choices.get(value, value))


def keep_search(request: HttpRequest, data: dict[str, Any]) -> str:
    """Keep the given criteria in the session; returns the key that stands for them in addresses."""
    searches: dict[str, Any] = request.session.get(SESSION_KEY, {})
    for known, kept in searches.items():
        if kept == data:
            return known
    key = secrets.token_urlsafe(6)
    recent = dict(list(searches.items())[-KEPT_SEARCHES + 1 :])
    request.session[SESSION_KEY] = recent | {key: data}
    return key


def kept_search(request: HttpRequest, key: str) -> dict[str, Any]:
    """The criteria of a key; none where the session has forgotten it."""
    found: dict[str, Any] = request.session.get(SESSION_KEY, {}).get(key, {})
    return found


def as_form_data(kept: dict[str, Any]) -> QueryDict:
    """Kept criteria as a form has them posted."""
    data = QueryDict(mutable=True)
    for name, values in kept.items():
        data.setlist(name, values)
    return data
