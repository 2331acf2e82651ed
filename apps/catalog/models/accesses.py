"""Looks that staff take at images."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.catalog.models.widths import UID_LENGTH
from apps.facilities.models import TenantModel


class AccessPurpose(models.TextChoices):
    """Why staff look at images."""

    CONFLICT = "conflict", _("To decide a conflict")
    OUTPUT = "output", _("To check an output")
    FACILITY = "facility", _("The facility asked for help")
    DAMAGE = "damage", _("To judge damage, or an image that is not shown")
    AUTHORITY = "authority", _("By order of an authority")


class ImageAccess(TenantModel):
    """That one person of the center's staff may look at the images of a study until `ends_at`. The facility reads it.

    By UID: it stays on record when the study is gone. Append-only.
    """

    study_instance_uid = models.CharField(_("Study Instance UID"), max_length=UID_LENGTH)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("person")
    )
    purpose = models.CharField(_("purpose"), max_length=12, choices=AccessPurpose)
    reason = models.CharField(_("reason"), max_length=300)
    opened_at = models.DateTimeField(_("opened"))
    ends_at = models.DateTimeField(_("ends"))

    class Meta:
        verbose_name = _("access to images")
        verbose_name_plural = _("accesses to images")
        constraints = [models.UniqueConstraint(fields=["facility", "id"], name="image_access_of_facility")]
        indexes = [
            models.Index(fields=["facility", "study_instance_uid", "person", "-ends_at"], name="image_access_of_study")
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.opened_at:%Y-%m-%d %H:%M}"
