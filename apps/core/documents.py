"""Documents as PDF/A: typst templates filled with data, in fonts that are shipped or within typst."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

FONTS = Path(__file__).with_name("fonts")


def typeset(template: Path, data: dict[str, Any], *, at: datetime) -> bytes:
    """A PDF/A-3b (ISO 19005-3) of a template, which finds `data` as JSON in `sys.inputs.data`.

    The same data and time give the same bytes.
    """
    compiler = typst.Compiler(template, root=template.parent, font_paths=[FONTS], ignore_system_fonts=True)
    made = compiler.compile(
        format="pdf",
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards=["a-3b"],
        timestamp=int(at.timestamp()),
    )
    assert isinstance(made, bytes)
    return made
