"""Nothing that people read is missing from a language, and nothing is left unmarked."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog, Message
from django.conf import settings
from django.template.base import Lexer, TokenType
from django.utils.formats import date_format
from django.utils.timezone import now
from django.utils.translation import override, to_locale

from medvault import languages
from medvault.env import PROJECT
from tests import messages

PLACEHOLDERS = re.compile(r"%(?:\(\w+\))?[sd%]|\{\w+\}")
WORDS = re.compile(r"[A-Za-z]{2,}")
SENTENCE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")
# What only devices, programs and logs are told stays English, as docs/languages.md says.
FOR_PROGRAMS = ("apps/api/", "apps/dicomnet/", "apps/dicomweb/", "apps/vault/", "apps/audit/", "medvault/")
FOR_TECHNICIANS = {  # why a file, an output or an upload is not as it should be, kept with it
    "Unreadable", "OutputDiffers", "BadManifest", "TooLong", "VaultUnavailable", "DigestMismatch", "NothingReceivable",
    "NotTaken", "OhifNotInstallable", "MalformedBody", "NotOurs", "UnknownKey", "UnusableKey", "GatewayUnavailable",
    "UnknownToGateway", "ValueError", "CommandError", "ImproperlyConfigured", "ArgumentTypeError",
    "transaction.TransactionManagementError",
}  # fmt: skip
SHOWN_BY_NAME = {"verbose_name", "verbose_name_plural", "help_text", "label", "empty_label", "search_help_text"}
NOT_PROSE = re.compile(r"<!--.*?-->|<(script|style|pre|code|kbd)\b.*?</\1>|\{#.*?#\}", re.DOTALL)
ICON = re.compile(r'<span class="material-symbols-outlined[^>]*>[^<]*</span>')
NAMES = {"MedVault", "API", "README", "OHIF", "PDF", "JWS", "SHA", "DICOMDIR", "medvault", "jwks",
         "Backspace"}  # fmt: skip
PATHS = messages.translations()


@pytest.fixture(scope="module")
def said() -> Catalog:
    return messages.said("en")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.parent.name)
def test_every_message_is_translated_with_its_placeholders(path: Path, said: Catalog) -> None:
    """Where this fails: `make messages`, and translate what is empty in the file."""
    catalog = messages.read(path)
    wanted, found = ({(each.id, each.context) for each in of if each.id} for of in (said, catalog))
    assert wanted == found
    assert not [each.id for each in catalog if each.fuzzy and each.id]
    assert not [each.id for each in catalog if each.id and not all(strings(each))]
    assert not [each.id for each in catalog if each.id and not keeps_placeholders(each)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.parent.name)
def test_what_is_compiled_is_what_is_written(path: Path) -> None:
    assert path.with_suffix(".mo").read_bytes() == messages.compiled(messages.read(path))


def strings(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or [""])


def keeps_placeholders(message: Message) -> bool:
    """Languages with one form for all numbers take the plural's; others may leave the number out of "one"."""
    sources = [message.id] if isinstance(message.id, str) else list(message.id)
    allowed = [sorted(PLACEHOLDERS.findall(source)) for source in sources]
    return all(sorted(PLACEHOLDERS.findall(string)) in allowed for string in strings(message))


def test_a_language_of_one_country_or_script_is_offered_by_the_name_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("de", "pt_BR", "zh_Hans"):
        (tmp_path / "locale" / folder / "LC_MESSAGES").mkdir(parents=True)
        (tmp_path / "locale" / folder / "LC_MESSAGES" / "django.mo").touch()
    monkeypatch.setattr(languages, "PROJECT", tmp_path)
    offered = ["en", "de", "pt-br", "zh-hans"]
    assert [code for code, _name in languages.languages()] == offered
    assert dict(languages.languages())["pt-br"] == "Português Brasileiro"


def test_every_language_writes_dates_in_all_the_ways_that_pages_ask_for() -> None:
    formats = {code: import_module(f"medvault.formats.{to_locale(code)}.formats") for code, _name in settings.LANGUAGES}
    for code, module in formats.items():
        assert names(formats["en"]) <= names(module), code
        with override(code):
            assert not re.search("FORMAT", " ".join(date_format(now(), name) for name in names(formats["en"])))


def names(module: ModuleType) -> set[str]:
    return {name for name in vars(module) if name.endswith("_FORMAT")}


def test_no_template_says_what_is_not_marked() -> None:
    assert not list(unmarked_in_templates())


def unmarked_in_templates() -> Iterator[str]:
    for path in messages.sources("*.html", "*.txt", "*.svg"):
        page = ICON.sub("", NOT_PROSE.sub("", outside_of_tags(path.read_text("utf-8"))))
        attributes = re.findall(r'\b(?:alt|title|aria-label|placeholder)="([^"]*)"', page)
        prose = re.sub(r"<[^>]*>", "\n", page) if path.suffix != ".txt" else page
        for line in (*attributes, *prose.splitlines()):
            if (set(WORDS.findall(line)) - NAMES and SENTENCE.search(line)) or is_a_label(line):
                yield f"{path.relative_to(PROJECT)}: {line.strip()}"


def outside_of_tags(text: str) -> str:
    """What is neither translated nor computed; tags leave a mark that parts what is around them."""
    kept, depth = [], 0
    for token in Lexer(text).tokenize():
        name = (token.contents.split() or [""])[0]
        if token.token_type == TokenType.BLOCK:
            depth += name.startswith(("blocktrans", "comment"))
            depth -= name.startswith(("endblocktrans", "endcomment"))
        elif token.token_type == TokenType.TEXT and not depth:
            kept.append(token.contents)
            continue
        kept.append("\0")
    return "".join(kept)


def is_a_label(line: str) -> bool:
    """One word that begins like a sentence: `Cancel`."""
    word = line.strip()
    return bool(re.fullmatch(r"[A-Z][a-z]{2,}", word)) and word not in NAMES


def test_no_program_says_to_people_what_is_not_marked() -> None:
    assert not list(unmarked_in_programs())


def unmarked_in_programs() -> Iterator[str]:
    for path in messages.sources("*.py"):
        where = str(path.relative_to(PROJECT))
        if "/management/" in where or "/demo/" in where:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if any(map(is_prose, said_by(node, where))):
                yield f"{where}:{getattr(node, 'lineno', 0)}"


def said_by(node: ast.AST, where: str) -> Iterator[ast.expr]:
    """The expressions of a node that people get to read as they stand."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and not where.startswith(FOR_PROGRAMS):
        if called(node.exc) not in FOR_TECHNICIANS:
            yield from node.exc.args
    elif isinstance(node, ast.Call):
        if called(node).startswith("messages."):
            yield from node.args[1:]
        if not where.startswith(("apps/api/", "medvault/env.py")):
            yield from (each.value for each in node.keywords if each.arg in SHOWN_BY_NAME)


def is_prose(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return is_prose(node.body) or is_prose(node.orelse)
    if isinstance(node, ast.JoinedStr):
        return bool(SENTENCE.search("".join(str(each.value) for each in node.values if isinstance(each, ast.Constant))))
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return bool(SENTENCE.search(text) or re.fullmatch("[A-Z][a-z]+", text))


def called(node: ast.Call) -> str:
    return ast.unparse(node.func)
