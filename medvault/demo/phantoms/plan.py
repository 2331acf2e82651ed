"""Which patient came when and for what: about three years at each clinic."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import time
from functools import partial

from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, JPEGLSLossless

from medvault.demo.phantoms.dataset import Study
from medvault.demo.phantoms.documents import letter, report
from medvault.demo.phantoms.people import LINDENHOF, SAKURA, Clinic
from medvault.demo.phantoms.projection import angiography, chest_radiograph, knee_radiograph, mammography
from medvault.demo.phantoms.sonography import abdominal_ultrasound, echocardiogram
from medvault.demo.phantoms.tomography import abdomen_ct, chest_ct, head_ct, head_mr

Exam = Callable[[Study], Iterator[Dataset]]
PLAIN = ""  # not compressed


@dataclass(frozen=True)
class Visit:
    """`person` counts the clinic's people from 0; weekends move to the Friday before."""

    person: int
    days_ago: int
    at: time
    description: str
    protocol: str
    exams: tuple[Exam, ...]


def _visit(person: int, days_ago: int, at: str, description: str, protocol: str, *exams: Exam) -> Visit:
    return Visit(person, days_ago, time.fromisoformat(at), description, protocol, exams)


_SAKURA = (
    _visit(0, 1003, "09:12", "胸部X線 定期健診", "CHEST PA", partial(chest_radiograph, syntax=PLAIN)),
    _visit(2, 940, "10:05", "マンモグラフィ検診", "MG SCREENING", partial(mammography, density=0.62)),
    _visit(1, 820, "14:31", "頭部単純CT", "HEAD ROUTINE", partial(head_ct, atrophy=1.5, syntax=JPEGLSLossless)),
    _visit(1, 816, "11:20", "頭部MRI", "BRAIN ROUTINE", partial(head_mr, atrophy=1.5, syntax=JPEGLSLossless)),
    _visit(3, 702, "15:48", "上腹部造影CT", "ABDOMEN CE", abdomen_ct),
    _visit(0, 640, "09:30", "胸部X線 定期健診", "CHEST PA", partial(chest_radiograph, nodule=(-70, -48, 8))),
    _visit(
        0, 633, "13:15", "胸部造影CT 結節精査", "CHEST CE",
        partial(chest_ct, nodule=(-78, -8, 138, 9), size=512, syntax=JPEGLSLossless),
    ),
    _visit(4, 560, "08:55", "腹部超音波 胆石疑い", "ABDOMEN", partial(abdominal_ultrasound, stone=True)),
    _visit(5, 488, "10:40", "心エコー", "ADULT ECHO", echocardiogram),
    _visit(5, 486, "11:02", "胸部X線 心拡大", "CHEST PA", partial(chest_radiograph, heart=1.2, inverse=True)),
    _visit(6, 402, "17:10", "左膝関節X線", "KNEE AP", partial(knee_radiograph, side="L", syntax=JPEGLSLossless)),
    _visit(
        7, 365, "09:45", "胸部X線 入社時健診", "CHEST PA", chest_radiograph,
        partial(
            report,
            history="入社時健康診断。自覚症状なし。",
            finding="両側肺野に活動性病変を認めない。心胸郭比は正常範囲内。胸水なし。",
            conclusion="異常所見なし。",
        ),
    ),
    _visit(8, 301, "16:22", "腹部超音波", "ABDOMEN", abdominal_ultrasound),
    _visit(0, 275, "09:20", "胸部X線 経過観察", "CHEST PA", chest_radiograph),
    _visit(2, 210, "10:15", "マンモグラフィ検診", "MG SCREENING", partial(mammography, density=0.62, lesion="L")),
    _visit(9, 150, "13:50", "頭部MRI 認知機能低下", "BRAIN ROUTINE",
           partial(head_mr, atrophy=1.9, lesion=(26.0, -18.0, 84.0, 7.0), syntax=ImplicitVRLittleEndian)),
    _visit(10, 77, "18:05", "頭部単純CT 転倒後", "HEAD TRAUMA",
           partial(head_ct, atrophy=1.8, lesion=(-34.0, 22.0, 76.0, 13.0))),
    _visit(11, 6, "16:40", "右膝関節X線", "KNEE AP", partial(knee_radiograph, side="R", syntax=JPEGLSLossless)),
)  # fmt: skip

_LINDENHOF = (
    _visit(0, 1040, "08:20", "Röntgen Thorax p.a.", "Thorax p.a. Stand", partial(chest_radiograph, syntax=PLAIN)),
    _visit(2, 985, "09:10", "Mammographie beidseits", "Mammo Screening", partial(mammography, density=0.3)),
    _visit(1, 890, "13:40", "CT Schädel nativ", "Schädel Routine",
           partial(head_ct, atrophy=1.6, syntax=JPEGLSLossless)),
    _visit(3, 815, "10:25", "CT Abdomen portalvenös", "Abdomen pv",
           partial(abdomen_ct, size=512, syntax=JPEGLSLossless)),
    _visit(4, 760, "15:05", "MRT Schädel bei Migräne", "Kopf Routine", partial(head_mr, syntax=JPEGLSLossless)),
    _visit(0, 702, "11:30", "CT Thorax mit KM", "Thorax KM", partial(chest_ct, nodule=(72.0, 10.0, 112.0, 8.0))),
    _visit(
        5, 655, "08:00", "Linksherzkatheter, Koronarangiographie", "Koro LCA", angiography,
        partial(
            letter,
            title="Herzkatheterbericht",
            lines=(
                "Radiologie Lindenhof · Diagnostische Radiologie", "",
                "Befund: Ramus diagonalis mit mittelgradiger Stenose (etwa 60 %) im mittleren Drittel.",
                "Übrige Koronararterien ohne höhergradige Einengung.", "",
                "Beurteilung: Koronare Eingefäßerkrankung. Medikamentöse Therapie, Kontrolle in sechs Monaten.", "",
                "Erfundenes Dokument zur Vorführung.",
            ),
        ),
    ),
    _visit(6, 590, "17:15", "Röntgen Knie rechts a.p.", "Knie a.p.", partial(knee_radiograph, side="R")),
    _visit(7, 515, "09:50", "Sonographie Oberbauch", "Abdomen", partial(abdominal_ultrasound, stone=True)),
    _visit(5, 462, "08:35", "Röntgen Thorax p.a. (Kardiomegalie)", "Thorax p.a. Stand",
           partial(chest_radiograph, heart=1.22)),
    _visit(8, 420, "14:20", "MRT Schädel", "Kopf Routine",
           partial(head_mr, atrophy=1.8, lesion=(-28.0, -10.0, 82.0, 9.0))),
    _visit(
        9, 370, "10:55", "Röntgen Thorax präoperativ", "Thorax p.a. Stand", chest_radiograph,
        partial(
            report,
            history="Präoperative Abklärung vor Hüftprothese.",
            finding="Herz normal groß. Keine Infiltrate, kein Erguss, kein Pneumothorax.",
            conclusion="Altersentsprechend unauffälliger Befund.",
        ),
    ),
    _visit(10, 298, "16:00", "Röntgen Knie links a.p.", "Knie a.p.",
           partial(knee_radiograph, side="L", syntax=JPEGLSLossless)),
    _visit(2, 244, "09:25", "Mammographie beidseits", "Mammo Screening", partial(mammography, density=0.3, lesion="R")),
    _visit(0, 190, "11:10", "CT Thorax Verlaufskontrolle", "Thorax KM",
           partial(chest_ct, nodule=(72.0, 10.0, 112.0, 5.0))),
    _visit(11, 121, "12:30", "Sonographie Abdomen", "Abdomen", abdominal_ultrasound),
    _visit(1, 58, "08:45", "Röntgen Thorax p.a.", "Thorax p.a. Stand", chest_radiograph),
    _visit(0, 3, "10:00", "Röntgen Thorax p.a. Verlauf", "Thorax p.a. Stand", chest_radiograph),
)  # fmt: skip

CLINICS: dict[str, tuple[Clinic, tuple[Visit, ...]]] = {
    "sakura": (SAKURA, _SAKURA),
    "lindenhof": (LINDENHOF, _LINDENHOF),
}
