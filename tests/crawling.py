"""Following the links of pages, as a browser and an attacker do."""

import re
from collections import Counter, deque
from collections.abc import Collection, Iterator
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

UNFINISHED = {"portal:invoice_document", "portal:e_invoice"}
"""What invoices that tests make up have not."""
LINK = re.compile(r'\b(?:href|src|hx-get)="([^"#]+)"')


def crawl(
    client: Client, *starts: str, most_of_a_kind: int = 2, leave_out: Collection[str] = ()
) -> Iterator[tuple[str, str, Any]]:
    """View, address and answer of what can be reached from `starts`; of one view no more than so many addresses, and of
    some none.
    """
    waiting, seen, counts = deque(starts), set(starts), Counter[str]()
    while waiting:
        address = waiting.popleft()
        try:
            view = resolve(urlsplit(address).path).view_name
        except Resolver404:
            continue
        if counts[view] == most_of_a_kind or view in leave_out:
            continue
        counts[view] += 1
        answer = client.get(address)
        yield view, address, answer
        if answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming:
            for link in LINK.findall(answer.content.decode()):
                target = urljoin(address, unescape(link))
                if target.startswith("/") and not target.startswith(("//", "/static/")) and target not in seen:
                    seen.add(target)
                    waiting.append(target)
