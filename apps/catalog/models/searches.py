"""Searches that a person keeps."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.facilities.models import TenantModel


class SavedSearch(TenantModel):
    """A person's search for studies, under a name. Criteria may name patients: they stay here."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    criteria = models.JSONField(_("criteria"), default=dict)
    saved_at = models.DateTimeField(_("saved"))

    class Meta:
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        constraints = [models.UniqueConstraint(fields=["facility", "user", "name"], name="saved_search_by_name")]

    def __str__(self) -> str:
        return f"#{self.pk}"
