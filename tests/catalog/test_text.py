"""Names and text in the character sets of PS3.3 C.12.1.1.2, with the examples of PS3.5 annexes H, I, J and K."""

import codecs

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.charset import CODES_TO_ENCODINGS
from pydicom.data import get_charset_files

from apps.catalog.header import BytesSource, PersonName, read_header
from apps.catalog.text import (
    LONGEST_NAME_PART,
    PERSON_NAME_RESETS,
    REPLACEMENT,
    TEXT_RESETS,
    character_set,
    clean,
    decode,
    person_name,
)
from tests.catalog.dicom_bytes import EXPLICIT, IMPLICIT, element, image

NAMES = {
    # PS3.5 H.3.1: Kanji and Hiragana by code extension
    rb"\ISO 2022 IR 87": (
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        PersonName("Yamada^Tarou", "山田^太郎", "やまだ^たろう"),
    ),
    # PS3.5 H.3.2: half-width Katakana first
    rb"ISO 2022 IR 13\ISO 2022 IR 87": (
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        PersonName("ﾔﾏﾀﾞ^ﾀﾛｳ", "山田^太郎", "やまだ^たろう"),
    ),
    # supplementary Kanji
    rb"\ISO 2022 IR 87\ISO 2022 IR 159": (
        b"Tei^Ken=\x1b$(DD\x1b(B^\x1b$B7r\x1b(B".replace(b"(DD", b"(D" + "鄧".encode("iso2022_jp_2")[4:6]),
        PersonName("Tei^Ken", "鄧^健"),
    ),
    b"ISO_IR 13": (b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", PersonName("ﾔﾏﾀﾞ^ﾀﾛｳ")),
    # PS3.5 I.2
    rb"\ISO 2022 IR 149": (
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        PersonName("Hong^Gildong", "洪^吉洞", "홍^길동"),
    ),
    # PS3.5 J.1 to J.4, K.2
    b"ISO_IR 192": ("Wang^XiaoDong=王^小東=".encode(), PersonName("Wang^XiaoDong", "王^小東")),
    b"GB18030": ("Wang^XiaoDong=王^小东=".encode("gb18030"), PersonName("Wang^XiaoDong", "王^小东")),
    b"GBK": ("Wang^XiaoDong=王^小东=".encode("gbk"), PersonName("Wang^XiaoDong", "王^小东")),
    rb"\ISO 2022 IR 58": (
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        PersonName("Zhang^XiaoDong", "张^小东"),
    ),
    b"ISO_IR 127": (b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", PersonName("قباني^لنزار")),
    b"ISO_IR 126": (b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", PersonName("Διονυσιος")),
    b"ISO_IR 144": (b"\xbb\xee\xdaceb\xd3\xd9".replace(b"ceb", b"\xd5\xd1\xe3"), PersonName("Люкестг".replace("тг", "гй")[:7])),
    b"ISO_IR 138": (b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", PersonName("שרון^דבורה")),
    b"ISO_IR 100": (b"Buc^J\xe9r\xf4me", PersonName("Buc^Jérôme")),
    b"ISO_IR 101": ("Wałęsa".encode("iso8859_2"), PersonName("Wałęsa")),
    b"ISO_IR 148": ("Çavuşoğlu".encode("iso8859_9"), PersonName("Çavuşoğlu")),
    b"ISO_IR 166": ("นามสกุล".encode("iso8859_11"), PersonName("นามสกุล")),
    rb"ISO 2022 IR 100\ISO 2022 IR 144": (
        b"Buc^J\xe9r\xf4me=\x1b-L" + "Жером".encode("iso8859_5"),
        PersonName("Buc^Jérôme", "Жером"),
    ),
}
