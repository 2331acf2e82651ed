"""`python -m tests.drills.scaling_out`: hosts are cut off while images come in; nothing acknowledged is lost.

A worker's host is cut off while it opens a sealed collection, a gateway's while it stores, and PostgreSQL fails over.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pydicom
from medvault_edge.collecting import Visit, collect
from medvault_edge.enrolling import enrol
from medvault_edge.handing_over import hand_over
from medvault_edge.state import State
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]
from pyrage import x25519

from tests.benchmarks.images import Slices
from tests.dicomweb.stow_requests import CONTENT_TYPE, body
from tests.drills.balancer import balancer
from tests.drills.center import ADDRESSES, DICOM_PORT, PATIENCE_S, PORT, Center
from tests.drills.hosts import HERE, hosts, why_not
from tests.waiting import until

SOP_INSTANCE_UID = "00081155"
_PREPARE = f"""
from apps.audit.record import SYSTEM
from apps.collection.enrolment import issue_code
from apps.collection.models import Terminal
from apps.core.clock import database_now
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center
from apps.facilities.tokens import issue_token
with as_center():
    facility = Facility.objects.create(slug="drill", name="Drill", country="JP")
    terminal = Terminal.objects.create(facility=facility, name="CT1", ae_title="CT1", address="{HERE}")
print(issue_token(facility, label="drill", scopes=[Scope.STORE], actor=SYSTEM)[1])
print(issue_code(terminal, actor=SYSTEM, now=database_now()))
"""
_OPENING = """
SELECT host(a.client_addr) FROM pg_stat_activity a JOIN pg_locks l USING (pid)
WHERE l.locktype = 'advisory' AND l.classid = 19798 AND host(a.client_addr) = ANY(%s)
"""
_TWICE = "SELECT count(*) FROM (SELECT 1 FROM catalog_instance GROUP BY sop_instance_uid HAVING count(*) > 1) AS found"


@dataclass
class Drill:
    """`acknowledged`: SOP Instance UIDs that some door has said it stores."""

    center: Center
    token: str
    slices: Slices
    acknowledged: set[str] = field(default_factory=set)
    figures: dict[str, float] = field(default_factory=dict)
    _turn: int = 0

    def store_online(self, count: int) -> float:
        """STOW-RS to the web hosts in turn, each request until it is answered; the longest wait in seconds."""
        longest = 0.0
        for content in self.slices.take(count):
            began = time.monotonic()
            until(partial(self._post, content), "no web host takes an image", PATIENCE_S)
            longest = max(longest, time.monotonic() - began)
        return longest

    def store_by_network(
        self, gateway: str, files: list[bytes], *, at: int = -1, then: Callable[[], None]
    ) -> list[bytes]:
        """C-STORE in one association; `then` happens after `at` of them. Those that were not acknowledged."""
        entity = AE("CT1")
        entity.dimse_timeout = entity.network_timeout = entity.acse_timeout = 8
        entity.add_requested_context(CTImageStorage, pydicom.uid.ExplicitVRLittleEndian)
        assoc = entity.associate(self.center.hosts[gateway].address, DICOM_PORT, ae_title="MEDVAULT")
        left = []
        for number, content in enumerate(files):
            if number == at:
                then()
            ds = pydicom.dcmread(BytesIO(content))
            status = assoc.send_c_store(ds) if assoc.is_established else None
            if status is not None and getattr(status, "Status", None) == 0:
                self.acknowledged.add(str(ds.SOPInstanceUID))
            else:
                left.append(content)
        if assoc.is_established:
            assoc.release()
        return left

    def catalogued(self) -> set[str]:
        """What the catalog has."""
        return {uid for (uid,) in self.sql("SELECT sop_instance_uid FROM catalog_instance")}

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Asked of whichever database takes writes."""
        for at in ("db1", "db2"):
            with suppress(Exception):
                if not self.center.sql("SELECT pg_is_in_recovery()", at=at)[0][0]:
                    return self.center.sql(statement, *parameters, at=at)
        raise RuntimeError("No database takes writes")

    def _post(self, content: bytes) -> bool:
        self._turn += 1
        host = ("web1", "web2")[self._turn % 2]
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": CONTENT_TYPE}
        request = urllib.request.Request(
            f"{self.center.url(host)}/f/drill/dicom-web/studies", body([content]), headers, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                told = json.loads(answer.read())
        except (urllib.error.URLError, OSError):
            return False
        self.acknowledged |= {each[SOP_INSTANCE_UID]["Value"][0] for each in told["00081199"]["Value"]}
        return True


def cut_off_a_worker(drill: Drill, folder: Path, url: str, code: str, count: int) -> None:
    """A sealed collection is being opened when the host that opens it is cut off; another one goes on."""
    images = folder / "images"
    images.mkdir()
    uids = set()
    for number, content in enumerate(drill.slices.take(count)):
        (images / f"{number:06d}.dcm").write_bytes(content)
        uids.add(_uid(content))
    state = State(folder / "edge")
    enrol(state, url=url, code=code, name="CT1")
    collect(images, Visit(method="push"), state, now=datetime.now(UTC), progress=lambda _size: None)
    hand_over(state, progress=lambda _sealed, _offset: None)
    workers = {drill.center.hosts[name].address: name for name in ("work1", "work2")}
    found = until(lambda: drill.sql(_OPENING, [*workers]), "no worker opens the collection", PATIENCE_S)
    opening = workers[found[0][0]]
    stored = drill.sql("SELECT count(*) FROM collection_receivedfile")[0][0]
    drill.center.hosts[opening].cut_off()
    began = time.monotonic()
    print(f"{opening} is cut off while it opens a collection; {stored} files are stored")
    other = "work2" if opening == "work1" else "work1"
    if opening == "work2":  # beat lived there
        drill.center.run(other, "beat")
    until(lambda: _receipted(state), "the collection was never received", 400)
    drill.figures["seconds until the other worker had received it"] = round(time.monotonic() - began, 1)
    drill.acknowledged |= uids
    drill.center.hosts[opening].join()


def cut_off_a_gateway(drill: Drill, count: int) -> None:
    """A gateway's host is cut off within an association; what it acknowledged is stored when it is joined again."""
    files = list(drill.slices.take(count))
    gateway = drill.center.hosts["gate1"]
    before = len(drill.acknowledged)
    left = drill.store_by_network("gate1", files, at=count // 2, then=gateway.cut_off)
    drill.figures["images acknowledged before the gateway was cut off"] = len(drill.acknowledged) - before
    again = drill.store_by_network("gate2", left, then=lambda: None)
    if again:
        raise RuntimeError(f"{len(again)} images were not taken by the other gateway")
    gateway.join()
    began = time.monotonic()
    until(lambda: drill.acknowledged <= drill.catalogued(), "what the gateway acknowledged is not stored", 400)
    drill.figures["seconds until what it held was stored after it was joined again"] = round(
        time.monotonic() - began, 1
    )


def fail_over(drill: Drill, count: int) -> None:
    """PostgreSQL's host dies while images come in, and the standby takes over."""
    drill.store_online(count)
    drill.center.hosts["db1"].cut_off()
    drill.center.hosts["db1"].kill()
    began = time.monotonic()
    drill.center.promote()
    drill.figures["seconds without an answer at the failover"] = round(drill.store_online(count), 1)
    print(f"Images are taken again {time.monotonic() - began:.0f} s after the database died")


def settle(drill: Drill) -> Iterator[str]:
    """What is wrong in the end."""
    until(lambda: drill.acknowledged <= drill.catalogued(), "acknowledged images are not in the catalog", 400)
    until(lambda: not drill.sql("SELECT 1 FROM vault_pack WHERE replicated_at IS NULL"), "packs have one copy", 400)
    lost, twice = drill.acknowledged - drill.catalogued(), drill.sql(_TWICE)[0][0]
    drill.figures |= {"images acknowledged": len(drill.acknowledged), "lost": len(lost), "twice": twice}
    if lost:
        yield f"{len(lost)} acknowledged images are lost"
    if twice:
        yield f"{twice} images are stored twice"
    print(drill.center.manage("verify_vault", "--all"))
    recipient = str(x25519.Identity.generate().to_public())
    print(drill.center.back_up(recipient))


def _receipted(state: State) -> bool:
    with suppress(Exception):
        hand_over(state, progress=lambda _sealed, _offset: None)
    return not state.collections("sealed", "uploaded")


def _uid(content: bytes) -> str:
    return str(pydicom.dcmread(BytesIO(content), stop_before_pixels=True).SOPInstanceUID)


def main() -> int:
    """0: as it should be; 1: something is lost or twice; 2: it cannot be shown on this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=300, help="in the sealed collection; a tenth of it elsewhere")
    count = parser.parse_args().images
    if reason := why_not():
        print(f"Skipped: {reason}")
        return 2
    with TemporaryDirectory(prefix="mvd-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with hosts(folder, **ADDRESSES) as made:
            center = Center(made, folder)
            center.start()
            print("Two hosts each of web, worker and gateway are up, and a synchronous standby")
            token, code = center.manage("shell", "-v0", "-c", _PREPARE).split()
            drill = Drill(center, token, Slices(256))
            drill.store_online(count // 10)
            with balancer([(made[name].address, PORT) for name in ("web1", "web2")]) as url:
                cut_off_a_worker(drill, folder, url, code, count)
            cut_off_a_gateway(drill, count // 10)
            fail_over(drill, count // 10)
            faults = list(settle(drill))
    for what, figure in drill.figures.items():
        print(f"{figure:>10} {what}")
    for fault in faults:
        print(f"FAILED: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
