"""Names in the order and the script of whoever reads them."""

import pytest
from django.utils.translation import override

from apps.catalog.models import Patient
from apps.catalog.naming import person

YAMADA = ("Yamada^Tarou", "山田^太郎", "やまだ^たろう")


@pytest.mark.parametrize(
    ("language", "groups", "called", "beside"),
    [
        ("en", YAMADA, "Yamada, Tarou", "山田 太郎"),
        ("ja", YAMADA, "山田 太郎", "やまだ たろう"),
        ("ja", ("Yamada^Tarou", "山田^太郎", ""), "山田 太郎", "Yamada, Tarou"),
        ("ja", ("Schmidt^Anna^Maria", "", ""), "Schmidt, Anna Maria", ""),
        ("en", ("", "山田^太郎", "やまだ^たろう"), "山田 太郎", ""),
        ("en", ("", "", "やまだ^たろう"), "やまだ たろう", ""),
        ("ja", ("", "", ""), "", ""),
    ],
)
def test_patients_are_called_in_their_readers_script(
    language: str, groups: tuple[str, str, str], called: str, beside: str
) -> None:
    patient = Patient(name_alphabetic=groups[0], name_ideographic=groups[1], name_phonetic=groups[2])
    with override(language):
        assert (patient.display_name, patient.local_name) == (called, beside)


@pytest.mark.parametrize(
    ("language", "name", "told"),
    [
        ("en", "Mori^Hanako=森^花子", "Hanako Mori"),
        ("ja", "Mori^Hanako=森^花子=もり^はなこ", "森 花子"),
        ("ja", "Weber^Jonas", "Jonas Weber"),
        ("en", "=森^花子", "森 花子"),
        ("en", "==もり^はなこ", "もり はなこ"),
        ("ja", "", ""),
    ],
)
def test_a_line_calls_people_as_its_readers_do(language: str, name: str, told: str) -> None:
    with override(language):
        assert person(name) == told
