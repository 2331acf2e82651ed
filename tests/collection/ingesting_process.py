"""A process of its own that ingests files, and dies or waits at a chosen step: python -m … FACILITY STEP FILE…"""

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from django.utils import timezone  # noqa: E402

from apps.audit.record import SYSTEM  # noqa: E402
from apps.collection import commit, ingest  # noqa: E402
from apps.collection.ingest import Intake, new_collection, store_batch  # noqa: E402
from apps.collection.models import Method  # noqa: E402
from apps.collection.reception import Reception  # noqa: E402
from apps.collection.replication import replicate_pending  # noqa: E402
from apps.facilities.models import Facility  # noqa: E402
from apps.facilities.tenancy import as_center  # noqa: E402
from apps.vault.errors import VaultUnavailable  # noqa: E402
from apps.vault.places import DirectoryPlace  # noqa: E402
from apps.vault.spool import Batch, Segment  # noqa: E402

STEPS = ["receiving", "spooled", "packed", "primary written", "in transaction", "committed", "replica written"]
REFUSED = 3


def die(*_args: Any, **_kwargs: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str) -> None:
    setattr(owner, name, die)


def after(owner: Any, name: str, then: Callable[..., None] = die) -> None:
    act = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        answer = act(*args, **kwargs)
        then()
        return answer

    setattr(owner, name, wrapped)


def die_at(step: str) -> None:
    match step:
        case "receiving":
            after(ingest, "examine")
        case "spooled":
            before(ingest, "_pack")
        case "packed":
            after(Segment, "finish")
        case "primary written":
            after(DirectoryPlace, "put")
        case "in transaction":
            after(commit, "insert_rows")
        case "committed":
            after(ingest, "commit_batch")
        case "replica written":
            after(DirectoryPlace, "copy_from")


def wait_for_others() -> None:
    """Both processes are here before either goes on."""
    print("here", flush=True)
    sys.stdin.readline()


def main(slug: str, step: str, files: list[str]) -> int:
    if step == "together":
        after(ingest, "_pack", wait_for_others)
    elif step == "uncommitted":
        after(commit, "insert_rows", wait_for_others)
    elif step.startswith("limit="):
        limit = int(step.removeprefix("limit="))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    else:
        die_at(step)
    with as_center():
        facility = Facility.objects.get(slug=slug)
    reception = Reception(method=Method.MEDIA, actor=SYSTEM)
    now = timezone.now()
    try:
        with Batch(facility.pk) as batch:
            intake = Intake(batch)
            for file in files:
                intake.add([Path(file).read_bytes()], file)
            store_batch(new_collection(facility, reception, now=now), reception, intake, now=now, is_last=True)
    except VaultUnavailable as error:
        print(error.message)
        return REFUSED
    replicate_pending()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
