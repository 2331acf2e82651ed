"""Setting up a terminal, step by step: each step is done when the center has seen that it is."""

from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from apps.collection.models import Receipt, ReceiptKind
from apps.collection.schedule import Outlook


@dataclass(frozen=True, slots=True)
class Step:
    """`commands` to be typed in at the clinic, `facts` to be entered there; `gives_code`: the code is given here."""

    title: str
    text: str
    is_done: bool
    done_at: datetime | None = None
    commands: list[str] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    gives_code: bool = False

    @property
    def typed(self) -> str:
        """The commands, one a line."""
        return "\n".join(self.commands)


@dataclass(frozen=True, slots=True)
class SetUp:
    """All steps, and the first that is not done."""

    steps: list[Step]

    @property
    def is_done(self) -> bool:
        """Nothing is left to do."""
        return all(step.is_done for step in self.steps)

    @property
    def done(self) -> int:
        """How many are."""
        return sum(step.is_done for step in self.steps)

    @property
    def now(self) -> Step | None:
        """The step to take."""
        return next((step for step in self.steps if not step.is_done), None)


def set_up_of(outlook: Outlook) -> SetUp:
    """The way of a DICOM node where its AE title is registered, else that of the program medvault-edge; what operators
    have collected from needs neither.
    """
    terminal = outlook.terminal
    if terminal.ae_title:
        steps = _dicom(outlook)
    else:
        steps = _edge(outlook) if terminal.enrolled_at or not outlook.last_collected_at else []
    return SetUp([*steps, *_arrived(outlook)])


def _edge(outlook: Outlook) -> list[Step]:
    terminal, code = outlook.terminal, _("CODE")
    is_known, has_reported = terminal.enrolled_at is not None, outlook.latest is not None
    python = "/opt/medvault-edge/bin"
    return [
        Step(
            _("Install the program"),
            _("On the computer where your images lie: Linux, macOS or Windows with Python 3.11. The center gives you "
              "the folder edge."),
            is_known, commands=["python3 -m venv /opt/medvault-edge", f"{python}/pip install ./edge"],
        ),
        Step(
            _("Let it sign in"),
            _("With a code that you get here and type in there. It works once, for three days."),
            is_known, terminal.enrolled_at, [f"{python}/medvault-edge init {settings.PUBLIC_URL} {code}"],
            gives_code=True,
        ),
        Step(
            _("Choose what it watches"),
            _("The folders with your images; with --receive it is also a DICOM node that your modalities send to. It "
              "tells the center how full the disk is."),
            has_reported, outlook.latest.reported_at if outlook.latest else None,
            [f"{python}/medvault-edge watch /srv/images --receive 11112"],
        ),
    ]  # fmt: skip


def _dicom(outlook: Outlook) -> list[Step]:
    terminal = outlook.terminal
    facts = [
        (_("AE title of the center"), settings.DICOM_AE_TITLE),
        (_("Host"), settings.PUBLIC_URL.split("://")[-1].split("/")[0].split(":")[0]),
        (_("Port"), f"{settings.DICOM_PORT}"),
        (_("AE title of your device"), terminal.ae_title),
        (_("Address of your device"), terminal.address or _("any, by its certificate")),
    ]
    has_been_seen = terminal.last_seen_at is not None or outlook.last_collected_at is not None
    return [
        Step(_("Known to the center"), _("The center has registered the AE title and address of your device."), True,
             terminal.created_at),
        Step(_("Enter the center in your device"), _("As a destination for storage (C-STORE), and for storage "
             "commitment where your device can."), has_been_seen, facts=facts),
        Step(_("Test the connection"), _("With the echo test (C-ECHO) of your device. This step ticks itself when it "
             "reaches the center."), has_been_seen, terminal.last_seen_at),
    ]  # fmt: skip


def _arrived(outlook: Outlook) -> list[Step]:
    terminal = outlook.terminal
    stored = Receipt.objects.filter(facility_id=terminal.facility_id, terminal=terminal, kind=ReceiptKind.STORED)
    first = stored.order_by("pk").values_list("issued_at", flat=True).first()
    return [
        Step(_("The first images arrive"), _("Send some, or ask for a collection below."),
             outlook.last_collected_at is not None, outlook.last_collected_at),
        Step(_("Stored and verified in two places"), _("The center signs a receipt; from then on you may clear your "
             "disk of what it names."), first is not None, first),
    ]  # fmt: skip
