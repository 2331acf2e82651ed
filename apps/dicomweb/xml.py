"""The Native DICOM Model (PS3.19, A.1) of a data set given in the DICOM JSON Model (PS3.18, Annex F)."""

from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from pydicom.datadict import keyword_for_tag

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"


def native_dicom_model(data_set: dict[str, Any]) -> bytes:
    """The XML document."""
    root = Element("NativeDicomModel", {"xmlns": NAMESPACE, "xml:space": "preserve"})
    _fill(root, data_set)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _fill(parent: Element, data_set: dict[str, Any]) -> None:
    for tag in sorted(data_set):
        vr, values = data_set[tag]["vr"], data_set[tag].get("Value", [])
        attribute = SubElement(parent, "DicomAttribute", {"tag": tag, "vr": vr, "keyword": keyword_for_tag(tag)})
        for number, value in enumerate(values, 1):
            _add_value(attribute, str(number), vr, value)


def _add_value(attribute: Element, number: str, vr: str, value: Any) -> None:
    if vr == "SQ":
        _fill(SubElement(attribute, "Item", {"number": number}), value)
    elif vr == "PN":
        name = SubElement(attribute, "PersonName", {"number": number})
        for group, text in value.items():
            _add_name(SubElement(name, group), text)
    else:
        SubElement(attribute, "Value", {"number": number}).text = "" if value is None else str(value)


def _add_name(group: Element, text: str) -> None:
    components = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
    for component, part in zip(components, text.split("^"), strict=False):
        if part:
            SubElement(group, component).text = part
