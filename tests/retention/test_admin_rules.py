"""Staff put rules into force: seen before, by who may, once."""

import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.assessing import assess_pending
from apps.retention.models import Retention, Rule
from apps.retention.preview import Effect, preview_enabling, preview_retiring
from tests.retention.stories import in_force, retention_of, stored
from tests.retention.workplace import act_address, events, in_group, list_address, page_address, shown, told

pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101"}


@pytest.fixture(autouse=True)
def workplace(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def archivist(committed_db: None, signed_in: Callable[..., Client]) -> Client:
    return in_group(signed_in, "archivist")


def rule(key: str, version: int = 1) -> Rule:
    with as_center():
        return Rule.objects.get(key=key, version=version)


def test_a_rule_is_put_into_force_once_by_who_may(
    archivist: Client, signed_in: Callable[..., Client], lindenhof: Facility
) -> None:
    study = stored(lindenhof, date(2020, 1, 1), **BORN)
    address = act_address(rule("de-diag"), "put_into_force")
    for group in ("operator", "billing"):
        refused = in_group(signed_in, group)
        assert refused.get(address).status_code == refused.post(address).status_code == 403
        assert "put_into_force" not in shown(refused, page_address(rule("de-diag")))
    assert "put_into_force" in shown(archivist, page_address(rule("de-diag")))
    assert "10 years from the last exam" in shown(archivist, address)
    assert not rule("de-diag").is_in_force
    assert told(archivist, address) == ["de-diag v1 is in force. Studies are being assessed again."]
    assert told(archivist, address) == ["This version was in force already; record another one"]
    assert len(events("rule.enabled")) == 1
    assert "put_into_force" not in shown(archivist, page_address(rule("de-diag")))
    assess_pending()
    assert retention_of(study).kept_until == date(2030, 1, 1)


def test_a_rule_from_memory_needs_a_statement(archivist: Client) -> None:
    address = act_address(rule("jp-pneumoconiosis"), "put_into_force")
    assert "Who confirmed" in shown(archivist, address)
    answer = archivist.post(address, {"confirmation": "  "})
    assert answer.status_code == 200
    assert not rule("jp-pneumoconiosis").is_in_force
    told(archivist, address, confirmation="K. Endo, from the text of 2026")
    assert rule("jp-pneumoconiosis").is_in_force
    assert rule("jp-pneumoconiosis").confirmation == "K. Endo, from the text of 2026"
    assert "Who confirmed" not in shown(archivist, act_address(rule("de-diag"), "put_into_force"))


def test_a_rule_is_retired_once(archivist: Client, signed_in: Callable[..., Client]) -> None:
    in_force("de-diag")
    address = act_address(rule("de-diag"), "retire")
    assert in_group(signed_in, "operator").post(address).status_code == 403
    assert told(archivist, address) == ["de-diag v1 is retired. What is kept because of it stays kept."]
    assert told(archivist, address) == ["The rule is not in force"]
    assert len(events("rule.retired")) == 1


def form_of_next_version(client: Client) -> tuple[str, dict[str, Any]]:
    address = client.get(act_address(rule("de-diag"), "another_version"))["Location"]
    form = client.get(address).context["adminform"].form
    values = {name: form[name].field.prepare_value(form[name].value()) for name in form.fields}
    return address, {name: value for name, value in values.items() if value not in (None, "")}


def test_a_new_version_begins_as_the_one_before(archivist: Client, signed_in: Callable[..., Client]) -> None:
    operator = in_group(signed_in, "operator")
    assert operator.get(act_address(rule("de-diag"), "another_version")).status_code == 403
    address, facts = form_of_next_version(archivist)
    assert operator.get(address).status_code == operator.post(address).status_code == 403
    assert (facts["key"], facts["period"], facts["minor_until_age"]) == ("de-diag", "P10Y", 28)
    for wrong in ({"period": "10 years"}, {"jurisdictions": "Germany"}, {"minor_until_age": "12"}, {"citation": ""},
                  {"minor_after_majority": "P5Y"}, {"valid_from": "2030-01-01", "valid_to": "2029-01-01"}):  # fmt: skip
        assert archivist.post(address, facts | wrong).status_code == 200, wrong
    answer = archivist.post(address, facts | {"key": "another", "period": "P15Y", "jurisdictions": "DE, AT"})
    assert answer.status_code == 302
    again = archivist.post(address, facts | {"period": "P15Y"})
    assert b"Another version was recorded meanwhile" in again.content
    assert "another_version" not in shown(archivist, page_address(rule("de-diag")))
    made = rule("de-diag", 2)
    assert "another_version" in shown(archivist, page_address(made))
    assert (made.period, made.jurisdictions, made.minor) == ("P15Y", ["AT", "DE"], {"until_age": 28})
    assert not made.is_in_force
    [event] = events("rule.recorded")
    assert event.details == {"rule": "de-diag v2"}
    assert event.object_id == str(made.pk)


def test_a_rule_of_another_country_is_recorded(archivist: Client) -> None:
    address = reverse("admin:retention_rule_add")
    facts = {"key": "pt", "jurisdictions": "PT", "period": "P7Y", "start": "exam", "citation": "DL 1",
             "source": "dre.pt", "confidence": "B"}  # fmt: skip
    assert archivist.post(address, facts | {"key": "de-diag"}).status_code == 200
    assert archivist.post(address, facts).status_code == 302
    assert archivist.post(address, facts).status_code == 200
    assert (rule("pt").period, rule("pt").version, rule("pt").minor) == ("P7Y", 1, None)


def test_the_checked_rules_of_a_country_are_enabled_in_one_step(
    archivist: Client, signed_in: Callable[..., Client], sakura: Facility
) -> None:
    address = reverse("admin:retention_rule_enable_a_set")
    assert in_group(signed_in, "operator").get(address).status_code == 403
    assert "?jurisdiction=JP" in shown(archivist, address)
    answer = archivist.get(address, {"jurisdiction": "JP"})
    keys = {each.key for each in answer.context["act"].rules}
    assert keys == {"jp-ins-image", "jp-hosp-xray", "jp-chart", "jp-asbestos"}
    shown_keys = [each.pk for each in answer.context["act"].rules]
    at_jp = f"{address}?jurisdiction=JP"
    changed = ["The set has changed since it was shown, or is in force already; look at it again"]
    assert told(archivist, at_jp, shown=shown_keys[1:]) == changed
    assert events("rule.enabled") == []
    assert told(archivist, at_jp, shown=shown_keys) == ["The set of JP is in force."]
    assert told(archivist, at_jp, shown=shown_keys) == changed
    assert len(events("rule.enabled")) == 4
    assert not rule("jp-pneumoconiosis").is_in_force


def test_rules_are_listed_by_country_confidence_and_state(archivist: Client) -> None:
    in_force("de-diag")

    def keys(**query: str) -> set[str]:
        answer = archivist.get(list_address(Rule), query)
        return {each.key for each in answer.context["cl"].result_list}

    assert keys(jurisdiction="DE") == {"de-diag", "de-therapy"}
    assert keys(jurisdiction="DE", state="force") == {"de-diag"}
    assert keys(jurisdiction="DE", state="not") == {"de-therapy"}
    assert keys(jurisdiction="JP", confidence__exact="U") == {"jp-pneumoconiosis"}
    told(archivist, act_address(rule("de-diag"), "retire"))
    assert keys(state="retired") == {"de-diag"}


@pytest.fixture
def worked(lindenhof: Facility) -> Facility:
    """Ten years from the last exam, minors until 28: studies of four adults, of a child, and without a birth date."""
    in_force("de-diag")
    for number, year in enumerate((2010, 2018, 2020, 2021)):
        stored(lindenhof, date(year, 1, 1), PatientID=f"adult {number}", **BORN)
    stored(lindenhof, date(2020, 1, 1), PatientID="child", PatientBirthDate="20100101")
    stored(lindenhof, date(2020, 1, 1), PatientID="untold", PatientBirthDate="")
    return lindenhof


def counted(found: list[Any]) -> dict[str, int]:
    [change] = found
    return {"studies": change.studies, "bound": change.bound, "over": change.over} | {
        effect.value: change.effects[effect] for effect in Effect if change.effects[effect]
    }


def changed(**terms: Any) -> Rule:
    made = rule("de-diag")
    for name, value in terms.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        # Adults a year longer each; the child's birthday governs; the untold stays unknown.
        ({"period": "P11Y"}, {"longer": 4, "none": 2}),
        # Adults would end a year earlier, and stay kept.
        ({"period": "P9Y"}, {"earlier": 4, "none": 2}),
        # Without a minors' clause no birth date is needed; the child's ends in 2030 instead of 2038.
        ({"minor": None}, {"known": 1, "earlier": 1, "none": 4}),
        ({"minor": None, "period": "P5Y"}, {"known": 1, "earlier": 5}),
        # What it runs from has not been told of anybody; the untold was unknown before.
        ({"start": "care_completed"}, {"unknown": 5, "none": 1}),
        # It binds two exams; of the others no rule is left.
        ({"valid_to": date(2019, 1, 1)}, {"unknown": 3, "none": 3, "bound": 2}),
    ],
)  # fmt: skip
def test_the_preview_counts_what_would_change(
    worked: Facility, terms: dict[str, Any], expected: dict[str, int]
) -> None:
    with as_center():
        found = counted(preview_enabling([changed(**terms)]))
    assert found == {"studies": 6, "bound": 6, "over": 0} | expected


def test_what_would_end_at_once_is_counted(lindenhof: Facility, archivist: Client) -> None:
    stored(lindenhof, **BORN)
    with as_center():
        found = counted(preview_enabling([rule("de-diag")]))
    assert found == {"studies": 1, "bound": 1, "over": 1, "known": 1}
    assert "passed already" in shown(archivist, act_address(rule("de-diag"), "put_into_force"))


def test_the_preview_is_what_happens(worked: Facility, archivist: Client) -> None:
    before = ends()
    address, facts = form_of_next_version(archivist)
    answer = archivist.post(address, facts | {"period": "P11Y"})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    answer = archivist.get(act_address(rule("de-diag", 2), "put_into_force"))
    assert [count for _label, count in answer.context["figures"]] == ["6", "6", "4", "0", "0", "0"]
    told(archivist, act_address(rule("de-diag", 2), "put_into_force"))
    assess_pending()
    after = ends()
    assert sum(after[key] != until for key, until in before.items()) == 4


def ends() -> dict[int, date | None]:
    with as_center():
        return {row.study_id: row.kept_until for row in Retention.objects.all()}


def test_retiring_a_rule_makes_its_studies_unknown(worked: Facility) -> None:
    with as_center():
        found = counted(preview_retiring(rule("de-diag")))
    assert found == {"studies": 6, "bound": 6, "over": 0, "unknown": 5, "none": 1}


def test_law_of_a_state_concerns_facilities_whose_state_is_not_told(sakura: Facility) -> None:
    with as_center():
        Facility.objects.update(country="US")
    in_force("us-mqsa")
    stored(sakura, date(2024, 5, 1), Modality="MG")
    with as_center():
        found = counted(preview_enabling([rule("us-ma")]))
    assert found == {"studies": 1, "bound": 0, "over": 0, "unknown": 1}


def test_a_preview_that_is_cut_says_so(worked: Facility, archivist: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.retention.preview.MOST_OF_FACILITY", 2)
    monkeypatch.setattr("apps.retention.preview._AT_ONCE", 1)
    with as_center():
        [change] = preview_enabling([changed(period="P11Y")])
    assert (change.studies, change.is_cut) == (2, True)
    assert "Not all studies were looked at" in shown(archivist, act_address(rule("de-therapy"), "put_into_force"))


def test_pages_of_rules_hold_no_names(worked: Facility, archivist: Client) -> None:
    content = shown(archivist, act_address(rule("de-diag"), "retire"))
    assert "untold" not in content
    assert "CompressedSamples" not in content


def test_a_form_sent_twice_at_once_records_one_version(archivist: Client) -> None:
    address, facts = form_of_next_version(archivist)
    answers: list[int] = []

    def send() -> None:
        answers.append(archivist.post(address, facts | {"period": "P15Y"}).status_code)

    both = [threading.Thread(target=send) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert sorted(answers) == [200, 302]
    assert len(events("rule.recorded")) == 1


def test_a_rule_enabled_twice_at_once_is_enabled_once(archivist: Client) -> None:
    address = act_address(rule("de-diag"), "put_into_force")
    both = [threading.Thread(target=archivist.post, args=[address]) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(events("rule.enabled")) == 1
