"""Media: what programs of others read from them, what people see on them, and what they are refused for."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from urllib.request import urlopen

import pydicom
import pytest
import pyzipper
from medvault_edge.errors import NotVerified
from medvault_edge.outputs import verify_output
from pydicom.fileset import FileSet

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.audit.signing import checked, published_keys
from apps.collection.media.receive import receive_media
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.closing import close_due
from apps.orders.errors import InvalidOptions, NoPassword, OutputDiffers
from apps.orders.kinds import KINDS
from apps.orders.kinds.bundle import Bundle
from apps.orders.kinds.medium import options as media_options
from apps.orders.kinds.medium.files import MediumFile
from apps.orders.kinds.medium.image import ReadImage, write_image
from apps.orders.kinds.medium.options import Carrier
from apps.orders.models import OrderKind, OrderPassword, State
from apps.orders.ordering import complete
from apps.orders.passwords import password_of, read_password
from apps.orders.producing import produce_due
from apps.orders.quoting import Extent
from apps.orders.statement import TYP
from apps.orders.working import dispatch
from tests.dicomnet.orthanc import running
from tests.orders.media import (
    CD,
    PDF,
    corrupt,
    mounted,
    ordered,
    produced,
    report,
    require,
    run,
    slices,
    stored,
    unpacked,
)
from tests.orders.stories import fresh, may_order, now, state_of
from tests.portal.pages import dicom, document, store

pytestmark = pytest.mark.usefixtures("committed_db")
SOLD = {"base_fee": "20000", "medium": "1500", "delivery": "900"}


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    may_order(sakura, **SOLD)
    return sakura


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    return person("staff@center.example", is_staff=True)


def test_a_disc_holds_what_is_stored_and_others_programs_read_it(
    clinic: Facility, lindenhof: Facility, staff: User, tmp_path: Path
) -> None:
    odd = {"PatientName": "Ærø^Ωmega=김^희중", "PatientID": "..", "StudyDescription": "ሰላም 🩻\\x", "StudyID": ""}
    for program in ("pdftotext", "isoinfo"):
        require(program)
    strange = slices(4, 1, SpecificCharacterSet="ISO_IR 192", **odd)
    store(clinic, *slices(1, 3), dicom(2, 1), report(2), corrupt(2), document(), *strange)
    order = ordered(clinic, staff, OrderKind.MEDIUM, **CD)
    assert (order.amount, order.options["carrier"]) == (Decimal(2400), "cd")
    assert unpacked(produced(order), tmp_path) == [f"{order}-1.iso", "LABELS.pdf"]
    disc = mounted(tmp_path / f"{order}-1.iso", tmp_path / "disc")
    listing = run("isoinfo", "-l", "-i", str(tmp_path / f"{order}-1.iso"))
    assert "IM000001.;1" in listing
    assert "INDEX.HTM;1" in listing
    assert "IM000001" in run("isoinfo", "-J", "-f", "-i", str(tmp_path / f"{order}-1.iso"))

    told = {
        path: digest for digest, path in (line.split("  ") for line in (disc / "DIGESTS.TXT").read_text().splitlines())
    }
    assert told == {
        str(path.relative_to(disc)): sha256(path.read_bytes()).hexdigest()
        for path in disc.rglob("*") if path.is_file() and path.name not in ("DIGESTS.TXT", "STATEMNT.JWS")
    }  # fmt: skip
    claims = checked((disc / "STATEMNT.JWS").read_text(), typ=TYP)
    assert {each["sop_instance_uid"]: told[each["name"]] for each in claims["files"]} == stored(clinic)

    listed = {str(Path(each.path).relative_to(disc)) for each in FileSet(disc / "DICOMDIR")}
    assert listed == {path for path in told if path.startswith("DICOM/")}
    assert len(listed) + sum(path.startswith("OTHER/") for path in told) == len(stored(clinic))
    names = [str(each.PatientName) for each in pydicom.dcmread(disc / "DICOMDIR").DirectoryRecordSequence
             if each.DirectoryRecordType == "PATIENT"]  # fmt: skip
    assert "Mori^Haruka=森^遥=もり^はるか" in names
    assert "Ærø^Ωmega=김^희중" in names

    assert (disc / "IHE_PDI" / "REPORTS" / "R0000001.PDF").read_bytes().startswith(PDF)
    label = run("pdftotext", str(tmp_path / "LABELS.pdf"), "-")
    assert "森 遥" in label
    assert "김 희중" in label
    data = json.loads((disc / "IHE_PDI" / "DATA.JS").read_text().removeprefix("var MEDIUM = ").rstrip(";\n"))
    reasons = [reason for study in data["studies"] for series in study["series"] for reason in series["reasons"]]
    assert sum("decoder" in reason or "size" in reason for reason in reasons) == 1
    assert "所見" in {each["title"] for study in data["studies"] for each in study["reports"]}
    readme = (disc / "README.TXT").read_text("utf-8-sig")
    assert "Mori" not in readme
    assert "It lacks what a directory record of the type SR DOCUMENT holds." in readme

    assert verify_output(disc, published_keys()).count == len(stored(clinic))
    picture = next((disc / "IHE_PDI" / "PICTURES").rglob("*.JPG"))
    picture.write_bytes(before := picture.read_bytes() + b"x")
    with pytest.raises(NotVerified):
        verify_output(disc, published_keys())
    picture.write_bytes(before[:-1])

    received = receive_media(facility=lindenhof, path=disc, operator="K. Endo", serial="1", actor=SYSTEM)
    assert stored(lindenhof) == stored(clinic)
    assert not any("missing" in code for _outcome, code in received.reasons)


def test_dicom3tools_and_dcmtk_find_no_fault_in_the_directory(clinic: Facility, staff: User, tmp_path: Path) -> None:
    for program in ("dciodvfy", "dcdirdmp", "dcmdump"):
        require(program)
    store(clinic, *slices(1, 3), *slices(2, 2, PatientID="P2"), report(2))
    unpacked(produced(order := ordered(clinic, staff, OrderKind.MEDIUM, **CD)), tmp_path)
    disc = mounted(tmp_path / f"{order}-1.iso", tmp_path / "disc")
    found = run("dciodvfy", str(disc / "DICOMDIR"))
    assert "Error" not in found
    assert run("dcdirdmp", str(disc / "DICOMDIR")).count("IMAGE") == 5
    assert run("/usr/bin/dcmdump", str(disc / "DICOMDIR")).count("ReferencedFileID") == 6


def test_orthanc_takes_a_disc_in(clinic: Facility, staff: User, tmp_path: Path) -> None:
    store(clinic, *slices(1, 3), report(1))
    unpacked(produced(order := ordered(clinic, staff, OrderKind.MEDIUM, **CD)), tmp_path)
    disc = mounted(tmp_path / f"{order}-1.iso", tmp_path / "disc")
    with running(tmp_path, medvault_port=104) as orthanc:
        for path in (disc / "DICOM").rglob("IM*"):
            orthanc.call("/instances", path.read_bytes())
        kept = {
            str(each): urlopen(f"{orthanc.url}/instances/{each}/file").read() for each in orthanc.call("/instances")
        }
    assert {sha256(content).hexdigest() for content in kept.values()} == set(stored(clinic).values())


def test_what_is_too_much_for_one_disc_is_split_between_studies(
    clinic: Facility, staff: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("pdftotext")
    store(clinic, *(each for study in range(1, 6) for each in slices(study, 2, PatientID=f"P{study}")))
    small = Carrier(is_disc=True, capacity=4_400_000, longest_file=4_400_000)
    monkeypatch.setitem(media_options.CARRIERS, "cd", small)
    order = ordered(clinic, staff, OrderKind.MEDIUM, carrier="cd", copies="2")
    names = unpacked(produced(order), tmp_path)
    discs = [mounted(tmp_path / name, tmp_path / name[:-4]) for name in names if name.endswith(".iso")]
    assert len(discs) > 1
    found = [{str(each.StudyInstanceUID) for each in FileSet(disc / "DICOMDIR")} for disc in discs]
    assert sum(map(len, found)) == len(set.union(*found)) == 5
    for number, disc in enumerate(discs, 1):
        assert f"medium {number} of {len(discs)}" in (disc / "README.TXT").read_text("utf-8-sig")
        assert (tmp_path / names[number - 1]).stat().st_size <= 4_400_000
    text = run("pdftotext", str(tmp_path / "LABELS.pdf"), "-")
    assert text.count(f"1 of {len(discs)}") == 2
    assert clinic.name in text


def test_an_image_that_fits_on_no_disc_is_refused_before_it_is_ordered(clinic: Facility) -> None:
    kind = KINDS[OrderKind.MEDIUM]
    wanted = {"carrier": "cd", "copies": 1, "is_protected": False}
    extent = Extent(images=1, frames=1, size_bytes=5 << 30, largest_bytes=5 << 30)
    with pytest.raises(InvalidOptions, match="does not fit"):
        list(kind.count(extent, wanted))
    with pytest.raises(InvalidOptions):
        list(kind.count(extent, wanted | {"carrier": "dvd"}))
    assert [each.quantity for each in kind.count(extent, wanted | {"carrier": "stick", "copies": 3})] == [3, 1]
    many = Extent(images=9, frames=9, size_bytes=5 << 30, largest_bytes=1 << 20)
    assert next(iter(kind.count(many, wanted | {"copies": 2}))).quantity == 18


@pytest.mark.parametrize("carrier", ["stick", "cd"])
def test_a_medium_for_a_patient_opens_with_its_password_alone(
    clinic: Facility, staff: User, tmp_path: Path, caplog: pytest.LogCaptureFixture, carrier: str
) -> None:
    store(clinic, *slices(1, 2))
    order = ordered(clinic, staff, OrderKind.MEDIUM, carrier=carrier, copies="1", is_protected="on")
    unpacked(content := produced(order), tmp_path)
    medium = tmp_path / "medium"
    if carrier == "cd":
        mounted(tmp_path / f"{order}-1.iso", medium)
    else:
        unpacked((tmp_path / f"{order}-1.zip").read_bytes(), medium)
    assert sorted(path.name for path in medium.iterdir()) == ["IMAGES.ZIP", "README.TXT"]
    with as_center():
        password = password_of(order)
        dispatch(order, by=staff, actor=SYSTEM, now=now())
    with as_facility(clinic):
        assert read_password(fresh(order), actor=SYSTEM) == password
    hidden = content + repr((fresh(order).__dict__, caplog.text)).encode()
    assert password.encode() not in hidden
    with pyzipper.AESZipFile(medium / "IMAGES.ZIP") as archive:
        images = [name for name in archive.namelist() if name.startswith("DICOM/")]
        assert all(each.wz_aes_strength == 3 for each in archive.infolist())
        for wrong in (None, b"wrong"):
            with pytest.raises(RuntimeError):
                archive.read("DICOMDIR", pwd=wrong)
        opened = {sha256(archive.read(name, pwd=password.encode())).hexdigest() for name in images}
    assert opened == set(stored(clinic).values())
    with as_facility(clinic):
        complete(order, actor=SYSTEM, now=now())
    close_due(now=now())
    with as_facility(clinic):
        assert OrderPassword.objects.get().sealed is None
        with pytest.raises(NoPassword):
            read_password(fresh(order), actor=SYSTEM)


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_media_that_read_differently_are_not_given_out(
    clinic: Facility, staff: User, monkeypatch: pytest.MonkeyPatch, at: float
) -> None:
    store(clinic, *slices(1, 3))
    order = ordered(clinic, staff, OrderKind.MEDIUM, **CD)
    finish = Bundle.finish

    def faulty(self: Bundle) -> None:
        finish(self)
        (_, start, length, _) = self._entries[0]
        middle = start + 600_000 + int((length - 600_000) * at)
        self._file.seek(middle)
        changed = bytes(255 - byte for byte in self._file.read(64))
        self._file.seek(middle)
        self._file.write(changed)

    with monkeypatch.context() as patch:
        patch.setattr(Bundle, "finish", faulty)
        assert produce_due() == 0
    assert state_of(order) == State.ACCEPTED
    assert fresh(order).problem


def test_the_third_file_system_of_a_disc_reads_the_same(clinic: Facility, staff: User, tmp_path: Path) -> None:
    require("7z")
    store(clinic, *slices(1, 2))
    unpacked(produced(order := ordered(clinic, staff, OrderKind.MEDIUM, **CD)), tmp_path)
    run("7z", "x", "-tudf", f"-o{tmp_path / 'udf'}", str(tmp_path / f"{order}-1.iso"))
    disc = mounted(tmp_path / f"{order}-1.iso", tmp_path / "disc")
    for path in disc.rglob("*"):
        assert path.is_dir() or (tmp_path / "udf" / path.relative_to(disc)).read_bytes() == path.read_bytes()


def test_a_disc_of_many_files_holds_none_of_them_open_and_none_in_memory(tmp_path: Path) -> None:
    open_now: list[int] = []
    most = 0

    def pieces() -> Iterator[bytes]:
        nonlocal most
        open_now.append(1)
        most = max(most, len(open_now))
        yield from [b"x" * 3000] * 3
        open_now.pop()

    files = [MediumFile(f"DICOM/IM{number:06d}", 9000, "", pieces) for number in range(50)]
    with (tmp_path / "disc.iso").open("w+b") as image:
        write_image(image, files, name="O_1")
        read = ReadImage(image)
        assert {b"".join(read.pieces(path)) for path in read.paths} == {b"x" * 9000}
        assert (len(read.paths), most, open_now) == (50, 1, [])
        with pytest.raises(OutputDiffers):
            write_image(image, [MediumFile("SHORT", 9001, "", pieces)], name="O_1")
