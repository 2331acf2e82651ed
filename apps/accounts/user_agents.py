"""Browsers in people's words. What a browser says of itself (RFC 9110, 10.1.5) is a hint and proves nothing."""

import re

from django.utils.translation import gettext as _

BROWSERS = [
    ("Edge", r"Edg(e|A|iOS)?/"), ("Opera", r"OPR/"), ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"), ("Chrome", r"(Headless)?Chrome/|CriOS/"), ("Safari", r"Version/[\d.]+.*Safari/"),
]  # fmt: skip
"""Most say that they are others, too: the first that fits is meant."""
SYSTEMS = [
    ("iPhone", r"iPhone"), ("iPad", r"iPad"), ("Android", r"Android"), ("Windows", r"Windows"), ("macOS", r"Mac OS X"),
    ("ChromeOS", r"CrOS"), ("Linux", r"Linux"),
]  # fmt: skip


def browser_in_words(user_agent: str) -> str:
    """Such as "Firefox on Windows"; what is known by neither name as it calls itself."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or user_agent or _("unknown")


def _first(names: list[tuple[str, str]], text: str) -> str:
    return next((name for name, pattern in names if re.search(pattern, text)), "")
