"""Which images may have text in the picture: a name that no change of the header removes (PS3.15, E.3.1)."""

from collections.abc import Iterable

from django.core.cache import cache
from django.utils.translation import gettext
from pydicom import Dataset
from pydicom._uid_dict import UID_dictionary

from apps.catalog.bounds import MIB, Unreadable
from apps.catalog.bytes import open_instance
from apps.catalog.header import read_header
from apps.catalog.models import Instance
from apps.catalog.preview import NotRenderable
from apps.catalog.preview.region import Region

SOP_CLASSES = frozenset(
    uid for uid, (name, *_) in UID_dictionary.items() if "Secondary Capture" in name or "Ultrasound" in name
)
MODALITIES = frozenset(("US", "IVUS", "SC", "OT", "FS", "DG", "ES", "XC", "GM", "ECG", "DOC", "SMR"))
_CONVERTED = frozenset(("DV", "DI", "DF", "WSD", "SD", "SI", "DRW", "SYN"))
_CAPTURED = frozenset(("SCREEN SAVE", "SCREEN_SAVE", "SCREEN", "DOSE_INFO", "PASTED", "REPORT"))
_HEADER_BYTES = 64 * MIB
_KEPT_S = 24 * 3600


def doubtful_of(instances: Iterable[Instance]) -> int:
    """How many pictures of stored images may have text in them. What headers say is kept for a day: it is asked for
    again with each option that is chosen.
    """
    by_key = {f"doubt/{each.pk}": each for each in instances}
    known: dict[str, bool] = cache.get_many(by_key)
    told = {key: bool(_doubt_of(each)) for key, each in by_key.items() if key not in known}
    cache.set_many(told, _KEPT_S)
    return sum((*known.values(), *told.values()))


def _doubt_of(instance: Instance) -> str:
    """Why; '' where nothing says so."""
    try:
        with open_instance(instance) as file:
            header = read_header(Region(file, _HEADER_BYTES))
    except (Unreadable, NotRenderable):
        return gettext("its header cannot be read")
    return _doubt(header.burned_in_annotation, header.image_type, {instance.sop_class_uid, header.modality})


def doubt_in(data_set: Dataset) -> str:
    """Why the picture of an object may have text in it, by its whole header; '' where nothing says so."""
    if _text(data_set, "RecognizableVisualFeatures") == "YES":
        return gettext("it says that the picture shows who it is")
    if _text(data_set, "ConversionType") in _CONVERTED and _text(data_set, "BurnedInAnnotation") != "NO":
        return gettext("it is a capture or a scan and does not say that no text is burned in")
    kinds = {_text(data_set, "SOPClassUID"), _text(data_set, "Modality")}
    parts = data_set.get("ImageType") or ()
    return _doubt(_text(data_set, "BurnedInAnnotation"), [parts] if isinstance(parts, str) else map(str, parts), kinds)


def _doubt(burned_in_annotation: str, image_type: Iterable[str], kinds: set[str]) -> str:
    """YES; or nothing, where it matters (PS3.3, C.7.6.1). `kinds`: SOP class, modality."""
    if burned_in_annotation in ("YES", "NO"):
        return gettext("it says that text is burned into the picture") if burned_in_annotation == "YES" else ""
    if not _CAPTURED.isdisjoint(part.strip().upper() for part in image_type):
        return gettext("it is a capture or a scan and does not say that no text is burned in")
    if kinds & (SOP_CLASSES | MODALITIES):
        return gettext("it is of a kind that often has text burned in and does not say that it has none")
    return ""


def _text(data_set: Dataset, keyword: str) -> str:
    return str(data_set.get(keyword) or "").strip()
