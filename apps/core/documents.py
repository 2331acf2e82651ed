"""Documents and pictures of text: typst templates filled with data, in fonts that are shipped, for any script."""

import json
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


def typeset(template: Path, data: dict[str, Any], *, at: datetime) -> bytes:
    """A PDF/A-3b (ISO 19005-3) of a template, which finds `data` as JSON in `sys.inputs.data`.

    The same data and time give the same bytes.
    """
    compiler = _compiler(template, data, template.parent)
    made = compiler.compile(format="pdf", pdf_standards=["a-3b"], timestamp=int(at.timestamp()))
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


def _compiler(template: Path, data: Mapping[str, Any], root: Path) -> typst.Compiler:
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    return typst.Compiler(
        template.read_bytes(), root=root, font_paths=_fonts(), ignore_system_fonts=True, sys_inputs=inputs
    )


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, font_paths=list(map(str, FONTS)))
