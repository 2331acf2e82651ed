"""Letters by e-mail: one layout for all of them."""

from pathlib import Path

import pytest
from django.template.loader import get_template
from django.template.loader_tags import ExtendsNode

from medvault.env import PROJECT

TEMPLATES = PROJECT / "templates"
LETTERS = [path.relative_to(TEMPLATES) for path in TEMPLATES.rglob("*.html") if path.with_suffix(".txt").exists()]


@pytest.mark.parametrize("letter", LETTERS, ids=str)
def test_every_letter_has_the_layout_of_all(letter: Path) -> None:
    template = get_template(str(letter)).template  # type: ignore[attr-defined]
    [extends] = template.nodelist.get_nodes_by_type(ExtendsNode)
    assert str(extends.parent_name) == '"letters/base.html"'


def test_the_letters_are_found() -> None:
    assert len(LETTERS) >= 6
