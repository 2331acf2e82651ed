"""What came in and waits for a decision."""

from datetime import datetime

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.catalog.models import Conflict
from apps.collection.models import Outcome, ReceivedFile, Upload
from apps.core.admin import list_of, page_of
from medvault.workplace import waiting
from medvault.workplace.queues import Act, Named, Queue, Row, act, open_page

MAY_DECIDE = "collection.add_quarantinedecision"
MAY_OPEN = "collection.change_upload"


def queues(now: datetime) -> list[Queue]:
    """The reception's queues."""
    return [_conflicts(), _quarantine(now), _uploads(now)]


def _conflicts() -> Queue:
    def row(conflict: Conflict) -> Row:
        compare = reverse("admin:catalog_conflict_side_by_side", args=[conflict.pk])
        return Row(
            title=f"#{conflict.pk}", href=compare, facility=conflict.facility, about=conflict.get_kind_display(),
            since=conflict.raised_at, acts=[Act(_("Compare and decide"), compare, is_dialog=False)],
        )  # fmt: skip

    named = Named("conflicts", gettext_lazy("Conflicts"), "call_split", list_of(Conflict, resolved="no"),
                  gettext_lazy("No file contradicts what is stored."))  # fmt: skip
    return named.of(waiting.conflicts().select_related("facility"), row)


def _quarantine(now: datetime) -> Queue:
    def row(file: ReceivedFile) -> Row:
        return Row(
            title=f"#{file.pk}", href=page_of(file), facility=file.facility,
            about=f"{file.reason} ({filesizeformat(file.length_bytes)})", since=file.collection.opened_at,
            acts=[
                act(_("Read again"), file, "read_again", MAY_DECIDE),
                act(_("File by hand"), file, "file_by_hand", MAY_DECIDE),
                act(_("Set aside"), file, "set_aside", MAY_DECIDE),
            ],
        )  # fmt: skip

    all_of_them = list_of(ReceivedFile, outcome__exact=Outcome.QUARANTINED.value, decided="no")
    named = Named("quarantine", gettext_lazy("Quarantine"), "gpp_maybe", all_of_them,
                  gettext_lazy("Every file that came could be read, or was decided on."))  # fmt: skip
    return named.of(waiting.quarantined(now).select_related("facility", "collection"), row)


def _uploads(now: datetime) -> Queue:
    def row(upload: Upload) -> Row:
        return Row(
            title=str(upload.uid)[:8], href=page_of(upload), facility=upload.facility,
            about=filesizeformat(upload.length_bytes), since=upload.completed_at, is_late=True,
            acts=[act(_("Open again"), upload, "open_again", MAY_OPEN)] if upload.stopped_at else
            [open_page(_("Open"), upload)],
        )  # fmt: skip

    named = Named("uploads", gettext_lazy("Uploads that are stuck"), "upload", list_of(Upload),
                  gettext_lazy("Every collection that came whole was opened."))  # fmt: skip
    return named.of(waiting.stuck_uploads(now).select_related("facility"), row)
