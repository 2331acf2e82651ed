"""Patients' names as people and DICOM devices ask for them."""

import pytest

from apps.catalog.matching import name_regex, within_prefix
from apps.catalog.models import NamePart, Patient
from apps.catalog.names import fold, folded_key, folded_name, name_parts
from apps.catalog.search import StudyCriteria, matching_studies
from apps.catalog.text import PersonName
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from tests.catalog.search_rows import found, make_study

YAMADA = "Yamada^Tarou=山田^太郎=やまだ^たろう"
MUELLER = "Müller-Lüdenscheidt^Anna Maria^^Dr."


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("YAMADA", "yamada"),
        ("ﾔﾏﾀﾞ", "やまだ"),
        ("ヤマダ", "やまだ"),
        ("ＹＡＭＡＤＡ　Ｔ", "yamada t"),
        ("Müller", "muller"),
        ("Mu\N{COMBINING DIAERESIS}ller", "muller"),
        ("Strauß", "strauss"),
        ("Łukasz", "lukasz"),
        ("İbrahim", "ibrahim"),
        ("はかた", "はかた"),
        ("ばがだ", "ばがだ"),
        ("김철수", "김철수"),
        ("  a \t b ", "a b"),
    ],
)
def test_names_fold_to_what_they_have_in_common(written: str, folded: str) -> None:
    assert fold(written) == folded


def test_a_name_of_any_length_and_script_can_be_indexed(sakura: Facility) -> None:
    make_study(sakura, name="\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 256)
    make_study(sakura, name="\U0010ffff" * 256)
    with as_facility(sakura):
        assert Patient.objects.count() == 2
        assert max(len(part.part) for part in NamePart.objects.all()) == 32


def test_a_patient_without_a_name_has_no_parts() -> None:
    assert folded_name(PersonName("^^")) == ""
    assert name_parts("") == set()


@pytest.mark.parametrize(
    "key",
    [
        *("Yamada^Tarou", "YAMADA^TAROU", "yamada^tarou^^^", "Yamada", "^Tarou", "Yam*", "Y?mada*", "*", "*tarou*"),
        *("*mada*", "Yam*^Tar*", "Ya*u", "ＹＡＭ＊", "山田^太郎", "山田", "^太郎", "*太*", "山?^*", "やまだ^たろう"),
        *("ヤマダ", "ﾔﾏﾀﾞ^ﾀﾛｳ", "Yamada^Tarou=山田^太郎", "=山田", "==やま*", "Yam*==*たろう", "yamada^*=", "***a***"),
    ],
)
def test_a_key_finds_the_name_in_each_of_its_writings(sakura: Facility, key: str) -> None:
    study = make_study(sakura, name=YAMADA)
    assert found(sakura, patient_name=key) == [study]


@pytest.mark.parametrize(
    "key",
    ["Tarou", "Yama", "amada*", "山", "=Yamada", "Yamada==山田", "Yamada^Taro", "Y?ada*", "Yamada^Tarou^X", "Yam*=田*"],
)
def test_a_key_that_does_not_match_finds_nothing(sakura: Facility, key: str) -> None:
    make_study(sakura, name=YAMADA)
    assert found(sakura, patient_name=key) == []


@pytest.mark.parametrize(
    "key", ["muller*", "MÜLLER-lüdenscheidt", "*lüden*", "Mu\N{COMBINING DIAERESIS}ller*", "*^Anna*", "^anna maria"]
)
def test_accents_and_case_do_not_matter(sakura: Facility, key: str) -> None:
    study = make_study(sakura, name=MUELLER)
    assert found(sakura, patient_name=key) == [study]


def test_voiced_kana_are_other_names(sakura: Facility) -> None:
    make_study(sakura, name="==はた")
    assert found(sakura, patient_name="ばた") == []


@pytest.mark.parametrize(
    "text", ["yamada", "YAM", "tar", "tarou yam", "山田", "山田太郎", "山田 太郎", "太", "やまだ", "ヤマダ"]
)
def test_quick_search_finds_words_by_their_beginning(sakura: Facility, text: str) -> None:
    study = make_study(sakura, name=YAMADA)
    make_study(sakura, name="Suzuki^Hanako=鈴木^花子=すずき^はなこ")
    assert found(sakura, text=text) == [study]


@pytest.mark.parametrize("text", ["lüd", "anna", "maria MÜLLER", "Muller, Anna", "*denscheidt*"])
def test_quick_search_knows_the_words_of_a_component(sakura: Facility, text: str) -> None:
    study = make_study(sakura, name=MUELLER)
    assert found(sakura, text=text) == [study]


@pytest.mark.parametrize("text", ["amada", "yamada hanako", "田", "%", "_amada", ",", "- ^", "yamada" * 40])
def test_quick_search_finds_no_middles_of_words(sakura: Facility, text: str) -> None:
    make_study(sakura, name=YAMADA)
    assert found(sakura, text=text) == []


@pytest.mark.parametrize("sign", [*"%_\\.+()[]{}|$'\"#;&/", "' OR 1 1 --", "\\y", "(:i)", "[]", "\\", "{1,2}", "$$"])
def test_signs_stand_for_themselves(sakura: Facility, sign: str) -> None:
    make_study(sakura, name="axb^c")
    study = make_study(sakura, name=f"a{sign}b^c")
    for key in (f"a{sign}b", f"a{sign}*", f"*{sign}b*", f"?{sign}?^c"):
        assert found(sakura, patient_name=key) == [study]
    assert found(sakura, text=f"a{sign}b") == [study]
    assert found(sakura, text=f"{sign}b") == []


def test_a_pattern_of_many_wildcards_is_no_burden(sakura: Facility) -> None:
    make_study(sakura, name="a" * 200)
    assert found(sakura, patient_name="*a" * 100 + "*b") == []
    assert found(sakura, patient_name="?*" * 100 + "b") == []


def test_names_are_found_by_ranges_of_parts(sakura: Facility) -> None:
    """What the policy of row-level security lets an index serve, see the module catalog.names."""
    with as_facility(sakura):
        query = str(matching_studies(sakura.pk, StudyCriteria(patient_name="Yam*ro*")).query)
    assert '"part" >= ^yam' in query
    assert '"part" < ^yan' in query


def test_the_range_of_a_prefix_ends_after_its_last_character() -> None:
    assert within_prefix("f", "ab").children == [("f__gte", "ab"), ("f__lt", "ac")]
    assert within_prefix("f", "a\U0010ffff").children == [("f__gte", "a\U0010ffff"), ("f__lt", "b")]
    assert within_prefix("f", "\ud7ff").children[1] == ("f__lt", "\ue000")
    assert within_prefix("f", "\U0010ffff").children == [("f__gte", "\U0010ffff")]


def test_the_expression_for_a_name_escapes_what_is_no_wildcard() -> None:
    assert name_regex(folded_key("a.b*")) == r"(^|=)a\.b[^=]*(\^[^=]*)?(=|$)"
