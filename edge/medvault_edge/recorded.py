"""What the facility records beside an image about its storage: `keep_until`, `keep_for`, `purposes`."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

KEYS = ("keep_until", "keep_for", "purposes")
PURPOSES = frozenset({"screening", "occupational", "oncology", "trial", "inpatient", "outpatient"})
_PERIOD = re.compile(r"P(?=\d)(\d{1,3}Y)?(\d{1,4}M)?(\d{1,5}D)?")


def recorded_of(sidecar: Mapping[str, Any] | None) -> dict[str, Any]:
    """What goes into the manifest of a collection. Raises ValueError, naming the key, never its value."""
    found = {key: sidecar[key] for key in KEYS if sidecar and sidecar.get(key)}
    if "keep_until" in found:
        try:
            date.fromisoformat(str(found["keep_until"]))
        except ValueError as error:
            raise ValueError("keep_until is no date such as 2040-12-31") from error
    if "keep_for" in found and not _PERIOD.fullmatch(str(found["keep_for"])):
        raise ValueError("keep_for is no period such as P10Y")
    if "purposes" in found:
        told = found["purposes"]
        found["purposes"] = sorted({told} if isinstance(told, str) else set(map(str, told)))
        if not PURPOSES.issuperset(found["purposes"]):
            raise ValueError(f"purposes are of: {', '.join(sorted(PURPOSES))}")
    return found
