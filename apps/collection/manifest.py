"""The manifest of a pack: what is in it and how it came, for whoever opens the ZIP without MedVault."""

import json
from collections.abc import Sequence
from datetime import datetime

from apps.collection.models import Collection
from apps.collection.reception import Reception
from apps.collection.sorting import Received
from apps.vault.models import PackKind

VERSION = 1


def manifest(
    *,
    collection: Collection,
    reception: Reception,
    kind: PackKind,
    files: Sequence[Received],
    names: Sequence[str],
    at: datetime,
    study_instance_uid: str = "",
) -> bytes:
    """JSON in UTF-8; `names` are those of the files in the ZIP, `at` is when they were received.

    `study_instance_uid` where no file of it tells.
    """
    facility = collection.facility
    first = files[0].header
    content = {
        "version": VERSION,
        "kind": kind,
        "facility": {"id": facility.pk, "slug": facility.slug, "name": facility.name},
        "collection": str(collection.uid),
        "reception": {
            "received_at": at.isoformat(),
            "method": reception.method,
            "operator": reception.operator,
            "terminal": reception.terminal and str(reception.terminal.uid),
            "device_token": reception.device_token and reception.device_token.label,
            "user": reception.user and reception.user.pk,
            "medium_serial": reception.medium_serial,
            "source_address": reception.source_address,
            "reason": reception.reason,
        },
        "study_instance_uid": first.study_instance_uid if first else study_instance_uid or None,
        "files": [
            {
                "name": name,
                "sop_instance_uid": file.header.sop_instance_uid if file.header else None,
                "length": file.member.length,
                "sha256": file.member.sha256.hex(),
                "source_name": file.source_name,
                "fault": file.fault and file.fault.code,
            }
            for name, file in zip(names, files, strict=True)
        ],
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
