"""A process of its own that receives a medium and is killed after N batches (0: never): python -m … N PATH

Prints the peak of its resident memory in MB.
"""

import os
import sys
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from apps.audit.record import Actor  # noqa: E402
from apps.collection.media import receive  # noqa: E402
from apps.facilities.models import Facility  # noqa: E402
from apps.facilities.tenancy import as_center  # noqa: E402
from tests.collection.ingesting_process import after, die  # noqa: E402


def main(batches: int, path: Path) -> None:
    receive.FILES_IN_BATCH = 2 if batches else receive.FILES_IN_BATCH
    left = iter(range(batches, 0, -1))
    after(receive, "store_batch", lambda: die() if next(left, 0) == 1 else None)
    with as_center():
        facility = Facility.objects.get(slug="sakura")
    actor = Actor("operator", "A. Operator")
    receive.receive_media(facility=facility, path=path, operator="A. Operator", serial="CD-1", actor=actor)
    # Not ru_maxrss, which a child takes over from the process that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(int(status["VmHWM"].split()[0]) // 1024)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
