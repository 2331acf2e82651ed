"""The languages that MedVault speaks: English, and every one that has a folder in `locale`."""

from django.conf.locale import LANG_INFO
from django.utils.translation import to_language

from medvault.env import PROJECT


def languages() -> list[tuple[str, str]]:
    """Codes, and the names that their speakers give them."""
    folders = (path.parent.parent.name for path in PROJECT.glob("locale/*/LC_MESSAGES/django.mo"))
    translated = sorted(map(to_language, folders))  # pt_BR is the folder of pt-br
    return [(code, str(LANG_INFO[code]["name_local"])) for code in ("en", *translated)]
