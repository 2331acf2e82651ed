"""Text of DICOM values: specific character sets (PS3.3 C.12.1.1.2, PS3.5 6.1) and person names (PS3.5 6.2.1)."""

import re
from dataclasses import dataclass
from functools import lru_cache

from pydicom.charset import CODES_TO_ENCODINGS, STAND_ALONE_ENCODINGS, default_encoding, python_encoding

ESCAPE = b"\x1b"
PERSON_NAME_RESETS = b"^=\\"  # what brings the first character set back, PS3.5 6.1.2.5.3
TEXT_RESETS = b"\r\n\f\t\\"
LONGEST_NAME_PART = 256  # characters; PN allows 64 per component group
LONGEST_CHARACTER_SET = 256  # bytes; all defined terms with code extensions together are as many

_ASCII_CODE = b"\x1b(B"
_KEEPS_ESCAPE = ("iso2022_jp", "iso2022_jp_2")  # these decoders interpret the escape sequence themselves
_FRAGMENT = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
_TERM_OF_ENCODING = {encoding: term for term, encoding in python_encoding.items() if term.startswith("ISO 2022 IR")}
_SPACES = dict.fromkeys(range(0x09, 0x0E), " ")
_REORDERING = [
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
]  # they turn round what follows
_CONTROLS: dict[int, str | None] = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), *_REORDERING]) | _SPACES


@dataclass(frozen=True, slots=True)
class PersonName:
    """The component groups of a name; in each, ^ stands between family, given, middle name, prefix and suffix."""

    alphabetic: str = ""
    ideographic: str = ""
    phonetic: str = ""

    @property
    def as_dicom(self) -> str:
        """The groups joined by =, as a PN value holds them."""
        return f"{self.alphabetic}={self.ideographic}={self.phonetic}".rstrip("=")


NO_NAME = PersonName()


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """Defined terms of Specific Character Set, and Python's codec for each; unknown ones count as ISO_IR 6."""

    terms: tuple[str, ...]
    encodings: tuple[str, ...]
    is_known: bool

    @property
    def has_extensions(self) -> bool:
        """Whether escape sequences switch between character sets, PS3.5 6.1.2.5."""
        return self.terms[0] not in STAND_ALONE_ENCODINGS


def character_set(raw: bytes) -> CharacterSet:
    """From the value of (0008,0005), of which 256 bytes count; an empty first value is the default, ISO_IR 6."""
    return _character_set(raw[:LONGEST_CHARACTER_SET])


@lru_cache(maxsize=256)
def _character_set(raw: bytes) -> CharacterSet:
    declared = [_term(value) for value in raw.decode("ascii", "replace").split("\\")]
    terms = tuple(term if term and term in python_encoding else "ISO_IR 6" for term in declared)
    is_known = all(term in python_encoding for term in declared)
    return CharacterSet(terms, tuple(python_encoding[term] for term in terms), is_known)


def _term(value: str) -> str:
    """The defined term, also for spellings such as `ISO-IR 100` and `ISO_2022_IR_87`."""
    term = re.sub(r"^ISO[ _-]2022[ _-]IR[ _-]", "ISO 2022 IR ", value.strip("\0 "))
    return re.sub(r"^ISO[ _-]IR[ _-]", "ISO_IR ", term)


def decode(raw: bytes, charset: CharacterSet, resets: bytes) -> tuple[str, str]:
    """The text, and the term of the character set that could not decode it ('' when all went well).

    Undecodable bytes become U+FFFD. Bytes beyond ASCII under ISO_IR 6 are read as Latin-1, as pydicom does, but
    count as undecodable. Delimiters must be looked for in the text, not in the bytes: their codes are also second
    bytes of Japanese and Chinese characters.
    """
    if ESCAPE not in raw:
        return (raw.decode("ascii"), "") if raw.isascii() else _decode_by(charset.encodings[0], charset.terms[0], raw)
    if not charset.has_extensions:
        return _decode_by(charset.encodings[0], charset.terms[0], raw)
    fragments = [_decode_fragment(fragment, charset, resets) for fragment in _FRAGMENT.findall(raw)]
    return "".join(text for text, _ in fragments), next((term for _, term in fragments if term), "")


def _decode_by(encoding: str, term: str, raw: bytes) -> tuple[str, str]:
    try:
        return raw.decode(encoding), "" if encoding != default_encoding or raw.isascii() else term
    except UnicodeDecodeError:
        return raw.decode(encoding, "replace"), term


def _decode_fragment(fragment: bytes, charset: CharacterSet, resets: bytes) -> tuple[str, str]:
    """One escape sequence, declared in the character set or not, and what follows it."""
    first, first_term = charset.encodings[0], charset.terms[0]
    if not fragment.startswith(ESCAPE):
        return _decode_by(first, first_term, fragment)
    code = fragment[: 4 if fragment[1:3] in (b"$(", b"$)") else 3]
    encoding = CODES_TO_ENCODINGS.get(code)
    if encoding is None:
        return _decode_by(first, first_term, fragment)[0], first_term
    if encoding in _KEEPS_ESCAPE:
        return _decode_by(encoding, _TERM_OF_ENCODING[encoding], fragment)
    body = fragment[len(code) :]
    if code == _ASCII_CODE:
        return _decode_by(first, first_term, body)
    end = next((at for at, byte in enumerate(body) if byte in resets), len(body))
    text, failed = _decode_by(encoding, _TERM_OF_ENCODING[encoding], body[:end])
    rest, rest_failed = _decode_by(first, first_term, body[end:])
    return text + rest, failed or rest_failed


def clean(text: str) -> str:
    """Without control characters (line breaks become spaces) and outer spaces; PostgreSQL refuses NUL in text."""
    return (text if text.isprintable() else text.translate(_CONTROLS)).strip(" ")


def person_name(raw: bytes, charset: CharacterSet) -> tuple[PersonName, str, bool]:
    """The first name in the value, the term that could not decode it ('' if none), and whether it was cut."""
    text, failed = decode(raw, charset, PERSON_NAME_RESETS)
    first, _, _ = text.partition("\\")
    parts = [clean(part) for part in first.split("=", 3)[:3]]
    kept = [part[:LONGEST_NAME_PART] for part in parts]
    return PersonName(*kept), failed, kept != parts
