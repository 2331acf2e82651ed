"""A structured report (PS3.3 A.35.1) and an encapsulated PDF (PS3.3 A.45.1)."""

from collections.abc import Iterator
from zlib import crc32

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import BasicTextSRStorage, EncapsulatedPDFStorage

from medvault.demo.phantoms.dataset import Series, Study, code

_HEADINGS = (
    (("121060", "DCM", "History"), ("121060", "DCM", "History")),
    (("121070", "DCM", "Findings"), ("121071", "DCM", "Finding")),
    (("121076", "DCM", "Conclusions"), ("121077", "DCM", "Conclusion")),
)


def report(study: Study, *, history: str, finding: str, conclusion: str) -> Iterator[Dataset]:
    """A Basic Text SR with three sections, verified by the clinic's radiologist."""
    series = Series(study, 90, "SR", BasicTextSRStorage, "Report")
    instance = series.instance(1)
    instance.ReferencedPerformedProcedureStepSequence = Sequence([])
    instance.PerformedProcedureCodeSequence = Sequence([])
    instance.CompletionFlag, instance.VerificationFlag = "COMPLETE", "VERIFIED"
    observer = Dataset()
    observer.VerifyingObserverName = study.clinic.reading
    observer.VerifyingOrganization = study.clinic.institution_name
    observer.VerificationDateTime = f"{series.started:%Y%m%d%H%M%S}"
    observer.VerifyingObserverIdentificationCodeSequence = Sequence([])
    instance.VerifyingObserverSequence = Sequence([observer])
    instance.ValueType, instance.ContinuityOfContent = "CONTAINER", "SEPARATE"
    instance.ConceptNameCodeSequence = code("18748-4", "LN", "Diagnostic imaging report")
    sections = zip(_HEADINGS, (history, finding, conclusion), strict=True)
    instance.ContentSequence = Sequence([_section(heading, text) for heading, text in sections])
    yield instance


def _section(heading: tuple[tuple[str, str, str], tuple[str, str, str]], text: str) -> Dataset:
    words = Dataset()
    words.RelationshipType, words.ValueType = "CONTAINS", "TEXT"
    words.ConceptNameCodeSequence = code(*heading[1])
    words.TextValue = text
    section = Dataset()
    section.RelationshipType, section.ValueType, section.ContinuityOfContent = "CONTAINS", "CONTAINER", "SEPARATE"
    section.ConceptNameCodeSequence = code(*heading[0])
    section.ContentSequence = Sequence([words])
    return section


def letter(study: Study, *, title: str, lines: tuple[str, ...]) -> Iterator[Dataset]:
    """A letter of one page as an encapsulated PDF; its text is Latin."""
    series = Series(study, 91, "DOC", EncapsulatedPDFStorage, title)
    instance = series.instance(1)
    instance.ConversionType, instance.BurnedInAnnotation = "WSD", "YES"
    instance.AcquisitionDateTime = f"{series.started:%Y%m%d%H%M%S}"
    instance.DocumentTitle = title
    instance.ConceptNameCodeSequence = Sequence([])
    instance.MIMETypeOfEncapsulatedDocument = "application/pdf"
    content = pdf(title, lines)
    instance.EncapsulatedDocumentLength = len(content)
    instance.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    yield instance


def pdf(title: str, lines: tuple[str, ...]) -> bytes:
    """A PDF 1.4 (ISO 32000-1, 7.5) of one A4 page in Helvetica; the text is what Windows-1252 has."""
    text = [f"BT /F2 18 Tf 60 770 Td ({_escaped(title)}) Tj ET", "BT /F1 11 Tf 15 TL 60 735 Td"]
    text += [f"({_escaped(line)}) Tj T*" for line in lines]
    stream = "\n".join([*text, "ET", "0.6 w 60 757 m 535 757 l S"]).encode("cp1252")
    fonts = [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{font} /Encoding /WinAnsiEncoding >>".encode()
        for font in ("Helvetica", "Helvetica-Bold")
    ]
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 7 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        *fonts,
        b"<< /Font << /F1 5 0 R /F2 6 0 R >> >>",
    ]
    return _assembled(objects, crc32(stream))


def _assembled(objects: list[bytes], identity: int) -> bytes:
    content = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"<< /Size %d /Root 1 0 R /ID [<%08x> <%08x>] >>" % (len(objects) + 1, identity, identity)
    return content + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        table,
        trailer,
        len(content),
    )


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
