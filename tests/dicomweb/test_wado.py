"""The Retrieve transaction as a viewer or a script sees it."""

from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pydicom import dcmread
from pydicom.encaps import encapsulate

from apps.audit.models import Event
from apps.catalog import bytes as stored_bytes
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility, Role, Scope
from apps.facilities.tenancy import as_center
from apps.vault.models import Pack
from apps.vault.places import DirectoryPlace, place
from apps.vault.tasks import verify_pack
from tests.catalog.preview_objects import RAMP, changed, image, reference_file
from tests.dicomweb.answers import content, parts_of
from tests.dicomweb.conftest import of_its_own, paths
from tests.vault.damage import is_good, path_of, put, told

CT = reference_file("CT_small.dcm")
JPEG_2000 = reference_file("JPEG2000.dcm")
DICOM = "application/dicom"
IN_PARTS = f'multipart/related; type="{DICOM}"'
LITTLE_ENDIAN, JPEG_2000_LOSSY, HEVC = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.107"


UIDS = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4"}


def slices(count: int) -> list[bytes]:
    """Slices of one series, of different lengths."""

    def numbered(number: int) -> Callable[[Any], None]:
        def change(data_set: Any) -> None:
            data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
            data_set.ImageComments = "x" * 10 * number

        return change

    return [changed("CT_small.dcm", numbered(number)) for number in range(count)]


def levels(path: str) -> list[str]:
    """The addresses of study, series and instance."""
    return [path.partition("/series")[0], path.partition("/instances")[0], path]


def test_every_level_gives_the_files_byte_for_byte(get: Any, store: Any, sakura: Facility) -> None:
    files = slices(7)
    store(sakura, *files, JPEG_2000)
    study, series, instance = levels(paths(sakura)[0])
    assert sorted(parts_of(get(study))) == sorted(parts_of(get(series, Accept=IN_PARTS))) == sorted(files)
    assert parts_of(get(instance)) == [files[0]]
    alone = get(instance, Accept=DICOM)
    assert content(alone) == files[0]
    assert alone["Content-Type"] == f"{DICOM}; transfer-syntax={LITTLE_ENDIAN}"
    with as_center():
        events = Event.objects.filter(action="instances.retrieved").order_by("id")
        assert [event.details["count"] for event in events] == [7, 7, 1, 1]


def test_files_of_several_packs_and_beyond_one_piece_are_whole(
    get: Any, store: Any, sakura: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = slices(6)
    for pair in (files[:3], files[3:5], files[5:]):
        store(sakura, *pair)
    monkeypatch.setattr("apps.vault.places.PIECE", 1000)
    monkeypatch.setattr(stored_bytes, "LARGEST_GAP", 0)
    assert sorted(parts_of(get(levels(paths(sakura)[0])[0]))) == sorted(files)


def test_a_pack_is_read_in_one_go(get: Any, store: Any, sakura: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    store(sakura, *slices(5))
    asked = []
    read = DirectoryPlace.pieces

    def noted(self: DirectoryPlace, name: str, offset: int, size: int) -> Any:
        asked.append(range(offset, offset + size))
        return read(self, name, offset, size)

    monkeypatch.setattr(DirectoryPlace, "pieces", noted)
    assert len(parts_of(get(levels(paths(sakura)[0])[0]))) == 5
    assert len(asked) == 1


def test_another_facilitys_images_are_as_unknown_ones(
    get: Any, store: Any, sakura: Facility, lindenhof: Facility
) -> None:
    store(lindenhof, CT)
    for foreign in levels(paths(lindenhof)[0]):
        unknown = foreign[:-1] + "9.9"
        answers = [get(foreign), get(unknown), get(foreign[:-1] + "junk"), get(foreign[:-1] + "%00")]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1


def test_an_instance_is_found_in_its_own_study_and_series_alone(get: Any, store: Any, sakura: Facility) -> None:
    store(sakura, CT, JPEG_2000)
    ct, other = paths(sakura)
    assert get(levels(ct)[1] + other[other.index("/instances") :]).status_code == 404
    assert get(levels(ct)[0] + other[other.index("/series") :]).status_code == 404


def test_who_may_retrieve(
    store: Any, sakura: Facility, lindenhof: Facility, token_for: Any, signed_in: Any, client: Client
) -> None:
    store(sakura, CT)
    path = f"/f/sakura/dicom-web{paths(sakura)[0]}"
    bearers = [token_for(sakura, Scope.READ), token_for(sakura, Scope.STORE), token_for(lindenhof, Scope.READ), "mv_x"]
    answers = [client.get(path, headers={"Authorization": f"Bearer {secret}"}).status_code for secret in bearers]
    assert answers == [200, 403, 404, 401]
    assert client.get(path).status_code == 401
    assert signed_in("viewer@example.org", sakura=Role.VIEWER).get(path).status_code == 200
    assert signed_in("stranger@example.org", lindenhof=Role.OWNER).get(path).status_code == 404


NEGOTIATED = [
    ("*/*", 200, True),
    ("application/*", 200, True),
    ("multipart/related", 200, True),
    (f"{IN_PARTS}; transfer-syntax=*", 200, True),
    (f"{IN_PARTS}; transfer-syntax={LITTLE_ENDIAN}", 200, True),
    (f"{DICOM}; transfer-syntax={LITTLE_ENDIAN}", 200, False),
    (f"text/html, {DICOM};q=0.5", 200, False),
    (f"{IN_PARTS};q=0.5, {DICOM}", 200, False),
    ("text/html", 406, False),
    ("application/dicom+json", 406, False),
    (f"{DICOM};q=0", 406, False),
    (f"{IN_PARTS}; transfer-syntax={HEVC}", 406, False),
    (f"{IN_PARTS}; transfer-syntax=nonsense", 406, False),
]


def test_the_type_of_the_answer_is_negotiated(get: Any, store: Any, sakura: Facility) -> None:
    store(sakura, CT)
    (path,) = paths(sakura)
    for accept, status, is_multipart in NEGOTIATED:
        for answer in (get(path, Accept=accept), get(path, {"accept": accept}, Accept="image/gif")):
            assert answer.status_code == status, accept
            assert answer["Content-Type"].startswith("multipart/related") is is_multipart
            assert status == 200 or LITTLE_ENDIAN in answer.content.decode()
    assert get(levels(path)[0], Accept=DICOM).status_code == 406


TRANSCODED = [
    *("JPEG2000.dcm", "SC_rgb_rle_2frame.dcm", "SC_rgb_jpeg_gdcm.dcm", "emri_small_jpeg_ls_lossless.dcm"),
    *("rtplan.dcm", "MR_small_implicit.dcm", "image_dfl.dcm", "CT_small.dcm"),
]


def test_who_asks_for_it_gets_it_uncompressed(get: Any, store: Any, sakura: Facility) -> None:
    files = [changed(name, of_its_own(number)) for number, name in enumerate(TRANSCODED)]
    store(sakura, *files)
    plain = f"transfer-syntax={LITTLE_ENDIAN}"
    for path, file in zip(paths(sakura), files, strict=True):
        alone = content(get(path, Accept=f"{DICOM}; {plain}"))
        assert parts_of(get(levels(path)[0], Accept=f"{IN_PARTS}; {plain}")) == [alone]
        given, stored = dcmread(BytesIO(alone)), dcmread(BytesIO(file))
        assert given.file_meta.TransferSyntaxUID == LITTLE_ENDIAN
        assert given.SOPInstanceUID == given.file_meta.MediaStorageSOPInstanceUID == stored.SOPInstanceUID
        if "PixelData" in stored:
            assert (given.pixel_array == stored.pixel_array).all()
        else:
            assert given == stored
        for keyword in ("PatientName", "NumberOfFrames", "WindowCenter", "SharedFunctionalGroupsSequence"):
            assert given.get(keyword) == stored.get(keyword)
    assert alone == files[-1]


def test_what_cannot_be_given_uncompressed_is_refused(get: Any, store: Any, sakura: Facility) -> None:
    def damage(data_set: Any) -> None:
        data_set.PixelData = data_set.PixelData[:20] + b"\0" * (len(data_set.PixelData) - 28) + data_set.PixelData[-8:]

    bomb = image(RAMP, "1.2.840.10008.1.2.5", Rows=65535, Columns=65535, PixelData=encapsulate([bytes(64)]), **UIDS)
    files = [
        changed("SC_rgb_jpeg_gdcm.dcm", damage),
        bomb,
        CT.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0", 1),
    ]
    for file in files:
        store(sakura, file)
    for path, file in zip(paths(sakura), files, strict=True):
        refusal = get(path, Accept=f"{IN_PARTS}; transfer-syntax={LITTLE_ENDIAN}")
        assert (refusal.status_code, refusal["Content-Type"]) == (406, "text/plain; charset=utf-8")
        assert parts_of(get(path)) == [file]


def test_a_part_says_its_transfer_syntax(get: Any, store: Any, sakura: Facility) -> None:
    store(sakura, JPEG_2000)
    answer = get(paths(sakura)[0])
    assert f"\r\nContent-Type: {DICOM}; transfer-syntax={JPEG_2000_LOSSY}\r\n\r\n".encode() in content(answer)


RANGES = [
    ("bytes=0-99", 206, CT[:100]),
    ("bytes=100-", 206, CT[100:]),
    ("bytes=-7", 206, CT[-7:]),
    (f"bytes={len(CT) - 9}-99999999", 206, CT[-9:]),
    ("bytes=-99999999", 206, CT),
    ("bytes=0-1,5-6", 200, CT),
    ("bytes=5-2", 200, CT),
    ("lines=1-2", 200, CT),
]


def test_a_range_of_an_instance(get: Any, store: Any, sakura: Facility) -> None:
    store(sakura, CT)
    (path,) = paths(sakura)
    for asked, status, expected in RANGES:
        answer = get(path, Accept=DICOM, Range=asked)
        assert (answer.status_code, content(answer)) == (status, expected), asked
        assert answer["Content-Length"] == str(len(expected))
        if status == 206:
            first = CT.index(expected)
            assert answer["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(CT)}"
    for asked in (f"bytes={len(CT)}-", "bytes=-0"):
        answer = get(path, Accept=DICOM, Range=asked)
        assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(CT)}")


def test_who_has_it_already_gets_nothing_again(get: Any, store: Any, sakura: Facility) -> None:
    store(sakura, CT)
    (path,) = paths(sakura)
    etag = get(path, Accept=DICOM)["ETag"]
    again = get(path, Accept=DICOM, If_None_Match=f'"x", W/{etag}')
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert get(path, Accept=DICOM, If_None_Match='"x"').status_code == 200
    assert get(path, Accept=DICOM, Range="bytes=0-9", If_Range=etag).status_code == 206
    assert get(path, Accept=DICOM, Range="bytes=0-9", If_Range='"x"').status_code == 200


def test_bytes_that_are_gone_are_no_answer_and_no_half_of_one(get: Any, store: Any, sakura: Facility) -> None:
    store(sakura, *slices(3))
    study, _, instance = levels(paths(sakura)[0])
    with as_center():
        pack = Pack.objects.get()
    whole = place("primary").read_at(pack.name, 0, pack.size_bytes)
    path = DirectoryPlace.path(place("primary"), pack.name)  # type: ignore[arg-type]
    place("primary").remove(pack.name)
    assert [get(each).status_code for each in (study, instance)] == [503, 503]
    assert get(instance, Accept=DICOM)["Retry-After"] == "30"
    with open(path, "wb") as file:
        file.write(whole[: len(whole) // 4])
    assert get(study).status_code == 503


def test_what_the_primary_cannot_give_the_replica_gives_and_staff_are_told(
    get: Any, store: Any, sakura: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_pack, "delay", verify_pack)
    files = slices(3)
    store(sakura, *files)
    replicate_pending()
    with as_center():
        pack = Pack.objects.get()
    study, path = levels(paths(sakura)[0])[0], path_of(pack, "primary")
    for damage, name in ((path.unlink, "missing"), (lambda: put(path, path.read_bytes()[:3000]), "truncated")):
        cache.clear()
        damage()
        assert parts_of(get(study)) == files
        assert ("primary", name, "", "repaired") in told(pack)
        assert is_good(pack, "primary")


def test_pieces_are_not_held_together(get: Any, store: Any, sakura: Facility) -> None:
    big = changed("CT_small.dcm", lambda data_set: data_set.add_new(0x00091010, "OB", bytes(5 << 20)))
    store(sakura, big)
    pieces = list(get(levels(paths(sakura)[0])[0]).streaming_content)
    assert max(map(len, pieces)) <= 2 << 20
    assert all(len(one) + len(other) > 1000 for one, other in pairwise(pieces))
