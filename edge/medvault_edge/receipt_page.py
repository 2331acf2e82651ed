"""The receipt of a visit as a page to print and sign, beside the signed words."""

from contextlib import suppress
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from medvault_edge.source import RECEIPTS
from medvault_edge.state import Facility

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Receipt {short}</title>
<style>
  :root {{ color-scheme: light }}
  body {{ font: 11pt/1.5 system-ui, sans-serif; color: #14202b; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
  h1 {{ font-size: 20pt; margin: 0 }} .soft {{ color: #56636f }}
  table {{ border-collapse: collapse; width: 100%; margin: 1.2rem 0 }}
  th, td {{ text-align: left; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid #d7dee4; vertical-align: top }}
  th {{ font-weight: 600; width: 14rem }} .n {{ text-align: right; font-variant-numeric: tabular-nums }}
  .sign {{ display: grid; grid-template-columns: 1fr 1fr; gap: 2rem; margin-top: 4rem }}
  .sign div {{ border-top: 1px solid #14202b; padding-top: .3rem }}
  @media print {{ body {{ margin: 0 }} }}
</style>
<p class="soft">{center}</p>
<h1>Receipt of image sets</h1>
<p>{center} has received the image sets below from {facility}. They are not yet stored: do not delete them before the
center's signed receipt of storage has come.</p>
<table>
  <tr><th>Facility<td>{facility}
  <tr><th>Terminal<td>{terminal}
  <tr><th>Collected<td>{collected_at}
  <tr><th>Operator<td>{operator}
  <tr><th>Medium, serial number<td>{medium}
  <tr><th>Collector<td>{device}
  <tr><th>Collection<td>{collection}
{counts}
</table>
<p class="soft">The file beside this page with the ending .jws is the same receipt, signed. Check it with
<code>medvault-edge verify</code>.</p>
<div class="sign"><div>For the facility, date</div><div>For the center, date</div></div>
"""


def receipt_page(center: str, collector: str, facility: Facility, about: dict[str, Any], counts: dict[str, str]) -> str:
    """HTML that needs nothing else. It tells of numbers, not of patients."""
    terminal = next((each["name"] for each in facility.terminals if each["uid"] == about["terminal"]), "-")
    values = {
        "short": about["collection"][:8],
        "center": center,
        "facility": facility.name,
        "terminal": terminal,
        "collected_at": f"{datetime.fromisoformat(about['collected_at']):%Y-%m-%d %H:%M %Z}",
        "operator": about["operator"] or "-",
        "medium": about["medium_serial"] or "-",
        "device": collector,
        "collection": about["collection"],
    }
    rows = "\n".join(f"  <tr><th>{escape(what)}<td>{escape(count)}" for what, count in counts.items())
    return _PAGE.format(counts=rows, **{name: escape(str(value)) for name, value in values.items()})


def write_receipt(folder: Path, name: str, token: str, page: str) -> list[Path]:
    """The receipt and a page to print, in a folder of images; none where it cannot be written."""
    written = [folder / RECEIPTS / f"{name}.jws", folder / RECEIPTS / f"{name}.html"]
    try:
        written[0].parent.mkdir(exist_ok=True)
        written[0].write_text(token, "ascii")
        written[1].write_text(page, "utf-8")
    except OSError:
        for path in written:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return []
    return written
