"""Which images may have text in the picture: a name that no change of the header removes (PS3.15, E.3.1)."""

from pydicom import Dataset
from pydicom._uid_dict import UID_dictionary

from apps.catalog.bounds import Unreadable
from apps.catalog.bytes import open_instance
from apps.catalog.content import read_content
from apps.catalog.models import Instance
from apps.catalog.preview import NotRenderable

SOP_CLASSES = frozenset(
    uid for uid, (name, *_) in UID_dictionary.items() if "Secondary Capture" in name or "Ultrasound" in name
)
MODALITIES = frozenset(("US", "IVUS", "SC", "OT", "FS", "DG", "ES", "XC", "GM", "ECG", "DOC", "SMR"))
_CONVERTED = frozenset(("DV", "DI", "DF", "WSD", "SD", "SI", "DRW", "SYN"))
_CAPTURED = frozenset(("SCREEN SAVE", "SCREEN_SAVE", "SCREEN", "DOSE_INFO", "PASTED", "REPORT"))


def doubt_of(instance: Instance) -> str:
    """Why the picture may have text in it; '' where nothing says so."""
    try:
        with open_instance(instance) as file:
            return doubt_in(read_content(file).data_set)
    except (Unreadable, NotRenderable):
        return "its header cannot be read"


def doubt_in(data_set: Dataset) -> str:
    """The same, of a header: YES, or nothing where it matters (PS3.3, C.7.6.1)."""
    said = _text(data_set, "BurnedInAnnotation")
    if said == "YES":
        return "it says that text is burned into the picture"
    if _text(data_set, "RecognizableVisualFeatures") == "YES":
        return "it says that the picture shows who it is"
    return "" if said == "NO" else _kind_of_risk(data_set)


def _kind_of_risk(data_set: Dataset) -> str:
    captured = {str(part).strip().upper() for part in data_set.get("ImageType") or ()} & _CAPTURED
    if captured or _text(data_set, "ConversionType") in _CONVERTED:
        return "it is a capture or a scan and does not say that no text is burned in"
    if _text(data_set, "SOPClassUID") in SOP_CLASSES or _text(data_set, "Modality") in MODALITIES:
        return "it is of a kind that often has text burned in and does not say that it has none"
    return ""


def _text(data_set: Dataset, keyword: str) -> str:
    return str(data_set.get(keyword) or "").strip()
