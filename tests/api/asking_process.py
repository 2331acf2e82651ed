"""A process of its own that orders with an Idempotency-Key: python -m … SECRET KEY STEP.

`waiting` waits in the middle of the act; `dying` is killed when all is written but the transaction has not ended.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from django.test import Client  # noqa: E402

from apps.api import idempotency, orders  # noqa: E402
from tests.api.asking import Asking  # noqa: E402
from tests.collection.ingesting_process import after, wait_for_others  # noqa: E402


def main(secret: str, key: str, step: str) -> None:
    if step == "waiting":
        after(orders, "draw_up", wait_for_others)
    if step == "dying":
        after(idempotency, "_keep")
    wish = {"kind": "download", "items": [{"study": "2.25.1"}]}
    answer = Asking(Client(), "sakura", secret)("orders/", wish, idempotency_key=key)
    print(answer.status_code, answer.json().get("uid") or answer.json()["code"], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
