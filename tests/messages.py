"""What MedVault says, and in which languages: `make messages` brings locale/*/LC_MESSAGES/django.po and .mo up to date.

Needs no gettext.
"""

import ast
import os
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import cast

import django
import unfold
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.apps import apps
from django.utils.translation.template import templatize

from apps.core.apps import CoreConfig
from medvault.env import PROJECT

KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
PROGRAMS, PAGES = ("*.py",), ("*.html", "*.txt", "*.svg")
NOT_SAID = ("migrations", "acquisition_words.txt")
UNFOLD = Path(unfold.__file__).parent
UNUSED = ("constance", "forms", "guardian", "import_export", "location_field", "simple_history", "management")


def translations() -> list[Path]:
    """The .po of every language but English, which is the source."""
    return sorted(PROJECT.glob("locale/*/LC_MESSAGES/django.po"))


def said(language: str) -> Catalog:
    """Every marked message of the programs and templates, with where it stands; and those of unfold, which brings no
    translations, as far as it does not take them from Django.
    """
    catalog = Catalog(locale=language, charset="utf-8")
    for path in sources(*PROGRAMS, *PAGES):
        for line, message, context in _marked(path):
            catalog.add(message, locations=[(str(path.relative_to(PROJECT)), line)], context=context)
    for name in cast(CoreConfig, apps.get_app_config("core")).called_as_in_code:
        catalog.add(name, locations=[("apps/core/apps.py", 1)])
    known = _said_by_django()
    for path in sorted(each for each in UNFOLD.rglob("*.*") if each.suffix in {".py", ".html"}):
        where = path.relative_to(UNFOLD.parent)
        for line, message, context in _marked(path) if not set(UNUSED) & set(where.parts) else ():
            if _source(message) not in known:
                catalog.add(message, locations=[(str(where), line)], context=context)
    return catalog


def sources(*patterns: str) -> Iterator[Path]:
    """The files whose words people read."""
    for folder in ("apps", "medvault", "templates"):
        found = (path for pattern in patterns for path in (PROJECT / folder).rglob(pattern))
        yield from sorted(path for path in found if not set(NOT_SAID) & set(path.parts))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, abort_invalid=True)


def compiled(catalog: Catalog) -> bytes:
    """The .mo that Django reads."""
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def bring_up_to_date(path: Path) -> int:
    """Add what is new, drop what is no longer said; how many translations are missing."""
    catalog, template = read(path), said(path.parent.parent.name)
    template.creation_date = catalog.creation_date
    catalog.update(template, no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    with path.open("wb") as file:
        write_po(file, catalog, width=120, include_lineno=False, sort_by_file=True)
    path.with_suffix(".mo").write_bytes(compiled(catalog))
    return sum(not all(_strings(message.string)) for message in catalog if message.id)


def _marked(path: Path) -> Iterator[tuple[int, str | tuple[str, ...], str | None]]:
    """Line, message and context of each; of programs by their syntax tree, which sees into f-strings, too."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
                yield from _of_call(node, node.func.id)
        return
    calls = templatize(text, origin=str(path))
    program = "\n".join(line.lstrip() for line in calls.splitlines())  # indented, it would be no Python
    for line, message, _comments, context in extract("python", BytesIO(program.encode()), KEYWORDS):
        yield line, message, context


def _of_call(call: ast.Call, keyword: str) -> Iterator[tuple[int, str | tuple[str, ...], str | None]]:
    said = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    context = said.pop(0) if "pgettext" in keyword and said else None
    wanted = 2 if "ngettext" in keyword or "npgettext" in keyword else 1
    if len(said) >= wanted:
        yield call.lineno, said[0] if wanted == 1 else (said[0], said[1]), context


def _said_by_django() -> set[str]:
    return {
        _source(message.id)
        for path in Path(django.__file__).parent.glob("**/locale/en/LC_MESSAGES/django.po")
        for message in read_po(path.open("rb"))
    }


def _source(message: str | Sequence[str]) -> str:
    return message if isinstance(message, str) else message[0]


def _strings(string: str | Sequence[str] | None) -> Sequence[str]:
    return [string or ""] if isinstance(string, str | None) else string


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
    django.setup()
    for language in translations():
        print(language.relative_to(PROJECT), "-", bring_up_to_date(language), "missing")
