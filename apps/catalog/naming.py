"""Person names (PS3.5, 6.2.1) as their readers write them: which component group, in which order."""

from django.utils.translation import get_language

IDEOGRAPHIC = ("ja", "ko", "zh")
"""Languages whose readers know people by their ideographic names."""


def names_for_people(alphabetic: str, ideographic: str, phonetic: str) -> tuple[str, str]:
    """The name to call somebody by, and what stands beside it: the ideographic name, or for its readers the sound.

    Each '' where there is none.
    """
    latin, own, sound = _catalogued(alphabetic), _as_written(ideographic), _as_written(phonetic)
    if own and _reads_ideographic():
        return own, sound or latin
    return latin or own or sound, own if latin else ""


def person(name: str) -> str:
    """A PN value as a line of text calls a person: `Taro Yamada`, 山田 太郎."""
    alphabetic, ideographic, phonetic = (*name.split("=", maxsplit=2), "", "")[:3]
    family, *given = (part.strip() for part in alphabetic.split("^"))
    spoken = " ".join(part for part in (*given[:1], family) if part)
    own = _as_written(ideographic)
    return own if own and (_reads_ideographic() or not spoken) else spoken or _as_written(phonetic)


def _reads_ideographic() -> bool:
    return (get_language() or "").split("-")[0] in IDEOGRAPHIC


def _catalogued(group: str) -> str:
    """As in a list by family names: `Yamada, Taro`."""
    family, *given = [part.strip() for part in group.split("^")]
    return ", ".join(part for part in (family, " ".join(filter(None, given[:2]))) if part)


def _as_written(group: str) -> str:
    """Family name first, without a comma."""
    return " ".join(filter(None, (part.strip() for part in group.split("^")[:2])))
