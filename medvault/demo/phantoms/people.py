"""The invented people of two invented clinics."""

from dataclasses import dataclass
from datetime import date

JAPANESE = ("", "ISO 2022 IR 87")
LATIN = ("ISO_IR 100",)
UNICODE = ("ISO_IR 192",)


@dataclass(frozen=True)
class Person:
    """A patient; `name` is a PN value with its component groups (PS3.5 6.2.1)."""

    patient_id: str
    name: str
    birth_date: date
    sex: str
    character_set: tuple[str, ...]


@dataclass(frozen=True)
class Device:
    """An imaging device and who works at it; every maker is invented."""

    station_name: str
    manufacturer: str
    model: str
    software: str
    operator: str


@dataclass(frozen=True)
class Clinic:
    """`devices` by modality; `referring` are PN values; `issuer` of patient IDs, empty where none is written."""

    slug: str
    institution_name: str
    address: str
    department: str
    issuer: str
    people: tuple[Person, ...]
    devices: dict[str, Device]
    referring: tuple[str, ...]
    reading: str


SAKURA = Clinic(
    slug="sakura",
    institution_name="さくらクリニック",
    address="神奈川県桜ヶ浜市港町 1-2-3",
    department="放射線科",
    issuer="",
    people=(
        Person("100123", "Minase^Kazuhiko=水瀬^和彦=みなせ^かずひこ", date(1958, 3, 14), "M", JAPANESE),
        Person("100187", "Asakura^Tomiko=朝倉^富子=あさくら^とみこ", date(1949, 11, 2), "F", JAPANESE),
        Person("100254", "Hoshikawa^Misaki=星川^美咲=ほしかわ^みさき", date(1971, 7, 23), "F", JAPANESE),
        Person("100301", "Kuramoto^Tetsuya=倉本^哲也=くらもと^てつや", date(1966, 1, 9), "M", JAPANESE),
        Person("100377", "Shiraishi^Yuka=白石^由香=しらいし^ゆか", date(1984, 5, 30), "F", JAPANESE),
        Person("100412", "Tachibana^Isamu=橘^勇=たちばな^いさむ", date(1953, 9, 17), "M", JAPANESE),
        Person("100468", "Momose^Aoi=百瀬^葵=ももせ^あおい", date(1990, 12, 5), "F", JAPANESE),
        Person("100533", "Hayasaka^Sho=早坂^翔=はやさか^しょう", date(1979, 4, 21), "M", UNICODE),
        Person("100590", "Natsume^Chiyo=夏目^千代=なつめ^ちよ", date(1962, 8, 11), "F", JAPANESE),
        Person("100644", "Okitsu^Genzo=興津^源三=おきつ^げんぞう", date(1945, 2, 27), "M", JAPANESE),
        Person("100702", "Fujieda^Sumire=藤枝^すみれ=ふじえだ^すみれ", date(1938, 6, 6), "F", JAPANESE),
        Person("100758", "Iwakami^Haruto=岩上^陽斗=いわかみ^はると", date(2001, 10, 19), "M", JAPANESE),
    ),
    devices={
        "CT": Device("SAKURA-CT1", "Kitayama Medical", "Helios 64", "V5.20", "Segawa^Rie=瀬川^理恵=せがわ^りえ"),
        "MR": Device("SAKURA-MR1", "Kitayama Medical", "Magnus 1.5", "MR3.1", "Nozaki^Shun=野崎^駿=のざき^しゅん"),
        "CR": Device("SAKURA-CR1", "Hikari Imaging", "PlateReader 7", "2.8", "Segawa^Rie=瀬川^理恵=せがわ^りえ"),
        "MG": Device("SAKURA-MG1", "Hikari Imaging", "Mamoru 3", "1.4.2", "Unno^Kaede=海野^楓=うんの^かえで"),
        "US": Device("SAKURA-US2", "Seto Ultrasonics", "Nami E9", "R4.0", "Unno^Kaede=海野^楓=うんの^かえで"),
        "SR": Device("SAKURA-RIS", "Minato Systems", "Dokuei", "6.1", ""),
    },
    referring=("Kashiwagi^Osamu=柏木^治=かしわぎ^おさむ", "Tsuzuki^Maki=都築^真希=つづき^まき"),
    reading="Amamiya^Satoru=雨宮^悟=あまみや^さとる",
)

LINDENHOF = Clinic(
    slug="lindenhof",
    institution_name="Radiologie Lindenhof",
    address="Lindenallee 12, 79999 Bad Ahrenfels",
    department="Diagnostische Radiologie",
    issuer="LINDENHOF",
    people=(
        Person("L-20017", "Müßigbrodt^Jürgen", date(1956, 5, 3), "M", LATIN),
        Person("L-20042", "Schönfelder^Käthe^^Dr.", date(1947, 12, 19), "F", LATIN),
        Person("L-20058", "Brändli^Regula", date(1969, 9, 8), "F", LATIN),
        Person("L-20093", "Größmann^Götz", date(1963, 2, 14), "M", UNICODE),
        Person("L-20110", "Öttinger^Bärbel", date(1981, 8, 25), "F", LATIN),
        Person("L-20136", "von Hügel^Matthäus", date(1951, 4, 1), "M", LATIN),
        Person("L-20171", "Lämmle^Noëlle", date(1993, 6, 12), "F", LATIN),
        Person("L-20205", "Yıldırım^Çağla", date(1976, 10, 30), "F", UNICODE),
        Person("L-20222", "Füeßl^Ägidius", date(1943, 1, 22), "M", LATIN),
        Person("L-20267", "Strübing^Anneliese", date(1959, 3, 7), "F", LATIN),
        Person("L-20289", "Zäch^Björn^Ueli", date(1987, 11, 16), "M", LATIN),
        Person("L-20314", "Körösi^Zoltán", date(1974, 7, 4), "M", UNICODE),
    ),
    devices={
        "CT": Device("LH_CT_01", "Aurelia Medizintechnik", "Tomos 128", "VC30b", "Weißhaupt^Silke"),
        "MR": Device("LH_MR_02", "Aurelia Medizintechnik", "Resonanz 3T", "XA12", "Häberle^Timo"),
        "DX": Device("LH_DX_01", "Nordlicht Röntgen", "PanoDetekt", "4.2", "Weißhaupt^Silke"),
        "MG": Device("LH_MG_01", "Nordlicht Röntgen", "Senta Duo", "3.0", "Köpf^Marlies"),
        "US": Device("LH_US_03", "Alpsonic", "Gletscher 500", "7.7", "Köpf^Marlies"),
        "XA": Device("LH_XA_01", "Aurelia Medizintechnik", "Kardia Plan", "VA21", "Häberle^Timo"),
        "SR": Device("LH_RIS", "Befundwerk", "Diktat", "11.3", ""),
        "DOC": Device("LH_SCAN", "Befundwerk", "Archivbrücke", "2.0", "Köpf^Marlies"),
    },
    referring=("Ackerknecht^Jörg^^Dr. med.", "Hösli^Verena^^Dr. med."),
    reading="Prückner^Annegret^^Dr. med.",
)
