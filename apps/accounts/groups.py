"""What the groups of the center's staff are called. Their names in the database are what programs know them by."""

from django.contrib.auth.models import Group
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CALLED: dict[str, Promise] = {
    "administrator": _("Administrators"),
    "operator": _("Operators"),
    "reception": _("Reception"),
    "output": _("Output"),
    "archivist": _("Archivists"),
    "billing": _("Billing"),
}


def called(group: Group) -> str:
    """In the reader's language; a group that people made, as they named it."""
    return str(CALLED.get(group.name, group.name))
