"""A process of its own that files a quarantined file by hand, and dies or waits at a chosen step: KEY STUDY STEP.

At the step `aside` it sets the file aside; at `request` it files as a page does, in one transaction with the decision.
"""

import os
import sys
from contextlib import nullcontext
from datetime import date
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from django.utils import timezone  # noqa: E402

from apps.accounts.models import User  # noqa: E402
from apps.audit.record import SYSTEM  # noqa: E402
from apps.collection import by_hand, quarantine  # noqa: E402
from apps.collection.errors import IllegalTransition  # noqa: E402
from apps.collection.models import Basis, ReceivedFile  # noqa: E402
from apps.facilities.tenancy import as_center  # noqa: E402
from tests.collection.ingesting_process import after, wait_for_others  # noqa: E402

STEPS = ["written", "filed"]


def main(key: int, study_instance_uid: str, step: str) -> int:
    match step:
        case "written":
            after(by_hand, "write_pack")
        case "filed":
            after(quarantine, "filed_under")
        case "together":
            after(by_hand, "write_pack", wait_for_others)
        case "request":
            after(quarantine, "filed_under", wait_for_others)
    with as_center():
        file = ReceivedFile.objects.select_related("facility", "pack").get(pk=key)
        by = User.objects.get(is_staff=True)
    given: dict[str, Any] = {"reason": "The serial number says so", "by": by, "actor": SYSTEM, "now": timezone.now()}
    try:
        if step == "aside":
            quarantine.set_aside(file, basis=Basis.NO_IMAGE, review_on=date.max, **given)
        else:
            with as_center() if step == "request" else nullcontext():
                quarantine.file_by_hand(file, study_instance_uid=study_instance_uid, **given)
    except IllegalTransition:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
