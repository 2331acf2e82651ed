"""Documents of whatever text."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from apps.core import documents


def test_a_name_of_many_rare_letters_is_set_as_fast_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = tmp_path / "name.typ"
    template.write_text('#set document(title: "Name")\n#json(bytes(sys.inputs.data)).name\n')
    tries: list[Any] = []
    compiler = documents._compiler

    def counted(*given: Any) -> Any:
        tries.append(given)
        return compiler(*given)

    monkeypatch.setattr(documents, "_compiler", counted)
    name = "".join(chr(0x12000 + number) for number in range(300))  # cuneiform, of which no font is shipped
    made = documents.typeset(template, {"name": f"A{name}\x05B"}, at=datetime(2026, 11, 26, tzinfo=UTC))
    assert len(tries) <= 3
    (tmp_path / "name.pdf").write_bytes(made)
    with pikepdf.open(tmp_path / "name.pdf") as read:
        assert len(read.pages) == 1
