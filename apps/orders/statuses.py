"""What a node says about an image that it is sent: DICOM statuses (PS3.4, B.2.3; PS3.7, annex C), for people."""

from django.utils.translation import gettext as _

SUCCESS, NOT_SUPPORTED = 0x0000, 0x0122
_TAKEN_WITH_WARNING = frozenset({0x0001, 0x0107, 0x0116})


def is_taken(status: int | None) -> bool:
    """Whether the node has the image: success, or a warning."""
    return status is not None and (status == SUCCESS or status >> 12 == 0xB or status in _TAKEN_WITH_WARNING)


def in_words(status: int | None) -> str:
    """`A700H, out of resources`. What a node writes besides may name patients, and is not kept."""
    if status is None:
        return _("could not be sent")
    return f"{status:04X}H, {_meaning(status)}"


def _meaning(status: int) -> str:
    exact = {
        0x0000: _("stored"),
        0x0110: _("processing failure"),
        0x0111: _("known already with other content"),
        0x0117: _("invalid SOP Instance UID"),
        0x0119: _("SOP class conflicts with the instance"),
        0x0122: _("SOP class or transfer syntax not supported"),
        0x0124: _("not authorized"),
        0x0210: _("duplicate invocation"),
        0x0211: _("unrecognized operation"),
        0x0212: _("mistyped argument"),
        0x0213: _("resource limitation"),
    }
    if status in exact:
        return exact[status]
    families = {0xA7: _("out of resources"), 0xA9: _("does not match its SOP class")}
    if is_taken(status):
        return _("stored with a warning")
    return families.get(status >> 8) or (_("cannot be understood") if status >> 12 == 0xC else _("refused"))
