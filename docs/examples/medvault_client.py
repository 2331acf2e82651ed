"""A client of MedVault's REST API to start from (docs/api.md): Python 3.11 and httpx. Search, order, download, resume.

with Vault("https://vault.example", facility="sakura", token="mv_…") as vault:
    found = [study["study_instance_uid"] for study in vault.search(patient_name="Yamada*")]
    order = vault.order("download", found)
    vault.download(vault.dispatched(order["uid"]), Path("images.zip"))
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, cast
from uuid import uuid4

import httpx

PATIENCE = 5
"""How often a request is sent that was not answered, or was told to wait."""


class Patient(TypedDict):
    """Whom a study is of."""

    patient_id: str
    name_alphabetic: str
    birth_date: str | None


class Study(TypedDict):
    """A study in a list."""

    study_instance_uid: str
    patient: Patient
    study_date: str | None
    modalities_in_study: list[str]
    instance_count: int


class Change(TypedDict):
    """What became of a study."""

    cursor: str
    kind: str
    study_instance_uid: str
    at: str


class Order(TypedDict):
    """An output order."""

    uid: str
    number: str
    kind: str
    state: str
    amount: str
    currency: str
    offered_until: str | None


@dataclass
class Problem(Exception):
    """What the center refused (RFC 9457). `code` is stable: decide by it, and show people `detail`."""

    status: int
    code: str
    detail: str
    errors: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.detail} ({self.status} {self.code})"


class Vault:
    """The API of one facility."""

    def __init__(self, url: str, *, facility: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/api/v1/f/{facility}/", headers={"Authorization": f"Bearer {token}"}, timeout=30,
            transport=transport,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def search(self, *, page: int = 100, **criteria: Any) -> Iterator[Study]:
        """All studies that match, newest first, page by page. Criteria travel in the body: addresses are logged."""
        cursor = ""
        while True:
            asked = {"criteria": criteria, "limit": page, "cursor": cursor}
            answer = self._ask("POST", "studies/search/", json=asked).json()
            yield from cast("list[Study]", answer["studies"])
            cursor = answer["next"]
            if not cursor:
                return

    def changes(self, after: str = "") -> Iterator[Change]:
        """What was stored, changed and deleted after a cursor, in order. Keep the last `cursor` to go on from there."""
        while True:
            found = cast("list[Change]", self._ask("GET", f"changes/?limit=100&after={after}").json()["changes"])
            yield from found
            if not found:
                return
            after = found[-1]["cursor"]

    def orders(self) -> Iterator[Order]:
        """All orders, newest first: a list by GET has the address of its next page in `Link`."""
        address = "orders/"
        while address:
            answer = self._ask("GET", address)
            yield from cast("list[Order]", answer.json()["orders"])
            address = answer.links.get("next", {}).get("url", "")

    def order(self, kind: str, studies: Iterable[str], **options: Any) -> Order:
        """Quote and request an order. Its price binds the center from the quote on."""
        wish = {"kind": kind, "items": [{"study": uid} for uid in studies], "options": options}
        quote = self._ask("POST", "orders/", json=wish).json()
        return cast("Order", self._ask("POST", f"orders/{quote['uid']}/request/", json={}).json())

    def dispatched(self, uid: str, *, every_s: float = 60) -> Order:
        """Wait until the center has sent an order on its way."""
        while True:
            order = cast("Order", self._ask("GET", f"orders/{uid}/").json())
            if order["state"] in {"dispatched", "completed"}:
                return order
            if order["state"] == "cancelled":
                raise Problem(409, "cancelled", f"{order['number']} was cancelled")
            time.sleep(every_s)

    def download(self, order: Order, path: Path) -> str:
        """Fetch what an order gave out; what is there of an earlier try is gone on from. Answers its SHA-256."""
        part, etag_file = path.with_suffix(".part"), path.with_suffix(".etag")
        for attempt in range(PATIENCE):
            headers = {}
            if part.exists() and etag_file.exists():
                headers = {"Range": f"bytes={part.stat().st_size}-", "If-Range": etag_file.read_text()}
            try:
                with self._http.stream("GET", f"orders/{order['uid']}/output/", headers=headers) as answer:
                    if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                        break  # all of it is there
                    if answer.is_error:
                        answer.read()
                        raise _problem(answer)
                    etag_file.write_text(answer.headers["ETag"])
                    is_rest = answer.status_code == httpx.codes.PARTIAL_CONTENT
                    with part.open("ab" if is_rest else "wb") as target:
                        for piece in answer.iter_raw():
                            target.write(piece)
                break
            except httpx.TransportError:
                if attempt + 1 == PATIENCE:
                    raise
        digest = sha256(part.read_bytes()).hexdigest()
        if f'"{digest}"' != etag_file.read_text():  # the ETag of an output is its digest
            part.unlink()
            raise Problem(0, "damaged", "What arrived is not what was sent")
        etag_file.unlink()
        part.rename(path)
        return digest

    def _ask(self, method: str, address: str, **given: Any) -> httpx.Response:
        """Send until it is answered: writes carry an Idempotency-Key, so that what was done is not done again."""
        headers = {"Idempotency-Key": str(uuid4())} if method != "GET" else {}
        for attempt in range(PATIENCE):
            is_last = attempt + 1 == PATIENCE
            try:
                answer = self._http.request(method, address, headers=headers, **given)
            except httpx.TransportError:
                if is_last:
                    raise
                continue
            is_to_wait = answer.status_code in {429, 503} or _is_in_progress(answer)
            if is_to_wait and not is_last:
                time.sleep(float(answer.headers.get("Retry-After", 1)))
                continue
            if answer.is_error:
                raise _problem(answer)
            return answer
        raise AssertionError


def _is_in_progress(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.CONFLICT and answer.json()["code"] == "in_progress"


def _problem(answer: httpx.Response) -> Problem:
    told = answer.json()
    return Problem(answer.status_code, told["code"], told["detail"], told.get("errors", {}))
