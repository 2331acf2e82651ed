"""The presets: statutory periods as facts with citation, source and confidence. None of them governs by itself."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.retention.models import Rule

_FILE = Path(__file__).with_name("presets.toml")


def presets() -> Iterator[dict[str, Any]]:
    """What the file says of each rule, as fields of Rule."""
    for content in tomllib.loads(_FILE.read_text("utf-8"))["rule"]:
        yield {"version": 1, **content}


def record_presets(*, using: str) -> int:
    """Record the presets that are not yet; returns how many. What staff have made of the others stays."""
    known = set(Rule.objects.using(using).values_list("key", "version"))
    new = [Rule(**content) for content in presets() if (content["key"], content["version"]) not in known]
    return len(Rule.objects.using(using).bulk_create(new))
