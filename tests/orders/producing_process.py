"""A process of its own that produces what is wanted: python -m … waits | dies

`waits`: within the first image it says so, and goes on when it is told to; it says how many images it has read and how
many orders it has made. `dies`: once the file lies where it is kept, and before that is noted.
"""

import os
import sys
from collections.abc import Iterator
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from apps.catalog.models import Instance  # noqa: E402
from apps.orders import producing  # noqa: E402
from apps.orders.kinds import download  # noqa: E402

read: list[int] = []


def waits(instance: Instance) -> Iterator[bytes]:
    if not read:
        print("begun", flush=True)
        sys.stdin.readline()
    read.append(instance.pk)
    return pieces(instance)


def dies(*given: Any) -> None:
    keep(*given)
    os._exit(9)


if __name__ == "__main__":
    vars(producing)["LOOKED_EVERY_S"] = 0.0
    pieces, keep = vars(download)["instance_pieces"], vars(producing)["keep"]
    if sys.argv[1] == "waits":
        vars(download)["instance_pieces"] = waits
    else:
        vars(producing)["keep"] = dies
    made = producing.produce_due()
    print(len(read), made, flush=True)
