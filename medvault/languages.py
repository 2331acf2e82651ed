"""The languages that MedVault speaks: English, and every one that has a folder in `locale`."""

from django.conf.locale import LANG_INFO

from medvault.env import PROJECT


def languages() -> list[tuple[str, str]]:
    """Codes, and the names that their speakers give them."""
    translated = sorted(path.parent.parent.name for path in PROJECT.glob("locale/*/LC_MESSAGES/django.mo"))
    return [(code, str(LANG_INFO[code]["name_local"])) for code in ("en", *translated)]
