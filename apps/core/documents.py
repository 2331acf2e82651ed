"""Documents and pictures of text: typst templates filled with data, in fonts that are shipped, for any script."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

FONTS = [
    Path(__file__).with_name("fonts"),
    *(str(files(name)) for name in ("manimgx_fonts", "noto_cjk_sans_jp_regular")),
]
INCH_MM = 25.4
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_WITHOUT_GLYPH = re.compile(r'the text `"(?:\\u\{([0-9a-f]+)\}|([^\\"]+))"` could not be displayed')


def typeset(template: Path, data: dict[str, Any], *, at: datetime) -> bytes:
    """A PDF/A-3b (ISO 19005-3) of a template, which finds `data` as JSON in `sys.inputs.data`.

    The same data and time give the same bytes. PDF/A takes no character without a glyph: where no font has one, as for
    what controls and for rare scripts, the replacement character stands.
    """
    try:
        compiler = _compiler(template, data, template.parent)
        made = compiler.compile(format="pdf", pdf_standards=["a-3b"], timestamp=int(at.timestamp()))
    except typst.TypstError as error:
        found = {chr(int(code, 16)) if code else text for code, text in _WITHOUT_GLYPH.findall(error.diagnostic)}
        if not found:
            raise
        for text in found:  # all at once: a name may be of as many as it has letters
            data = _replaced(data, text)
        return typeset(template, data, at=at)
    assert isinstance(made, bytes)
    return made


def page_of(template: Path, data: dict[str, Any], *, folder: Path) -> bytes:
    """A plain PDF of a template that shows pictures, whose paths are relative to a folder."""
    made = _compiler(template, data, folder).compile(format="pdf", timestamp=0)
    assert isinstance(made, bytes)
    return made


def drawn(template: Path, data: dict[str, Any], *, folder: Path, pixels_per_mm: float) -> list[bytes]:
    """Its pages as PNG."""
    made = _compiler(template, data, folder).compile(format="png", ppi=pixels_per_mm * INCH_MM)
    assert made
    return [made] if isinstance(made, bytes) else made


def _replaced(value: Any, text: str) -> Any:
    """The same data with the replacement character (U+FFFD) in place of a text."""
    if isinstance(value, str):
        return value.replace(text, REPLACEMENT)
    if isinstance(value, list | tuple):
        return [_replaced(each, text) for each in value]
    return {key: _replaced(each, text) for key, each in value.items()} if isinstance(value, dict) else value


def _compiler(template: Path, data: Mapping[str, Any], root: Path) -> typst.Compiler:
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    return typst.Compiler(
        template.read_bytes(), root=root, font_paths=_fonts(), ignore_system_fonts=True, sys_inputs=inputs
    )


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, font_paths=list(map(str, FONTS)))
