"""After a restore nothing goes out by itself until staff say so: it may have gone out already.

A restored database does not know what was done after its backup: which mails were sent, which cards charged, which
holds placed. What comes in goes on being received.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from celery import Task
from celery.exceptions import Ignore
from django.conf import settings

INWARD = frozenset(
    {
        "apps.billing.tasks.apply_webhooks",
        "apps.billing.tasks.make_documents",
        "apps.billing.tasks.prove",
        "apps.collection.tasks.open_again",
        "apps.collection.tasks.open_upload",
        "apps.collection.tasks.open_uploads",
        "apps.collection.tasks.replicate_pending",
        "apps.collection.tasks.sweep_orphans",
        "apps.dicomnet.tasks.pull_due",
        "apps.orders.tasks.produce_due",
        "apps.retention.tasks.assess_pending",
        "apps.retention.tasks.lock_packs",
        "apps.vault.tasks.verify_pack",
        "apps.vault.tasks.verify_packs",
    }
)
"""Tasks that tell, charge and delete nothing. Every other one waits, one that is new too."""


class HeldTask(Task):  # type: ignore[type-arg]
    """The class of all tasks: those that are not inward do nothing while they are held."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, or leave it to the beat after `manage.py resume`."""
        if self.name not in INWARD and held_since():
            raise Ignore
        return self.run(*args, **kwargs)


def hold(*, backup_at: datetime) -> None:
    """From now on; `backup_at` is the moment that was restored."""
    _marker().write_text(json.dumps({"backup_at": backup_at.isoformat()}))


def held_since() -> str | None:
    """The moment that was restored (ISO 8601), while nothing goes out."""
    try:
        return str(json.loads(_marker().read_text())["backup_at"])
    except FileNotFoundError:
        return None


def release() -> None:
    """Everything goes out again."""
    _marker().unlink(missing_ok=True)


def _marker() -> Path:
    return Path(settings.SHARED) / "restored.json"
