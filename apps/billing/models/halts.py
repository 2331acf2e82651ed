"""That staff stopped the run of billing."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core.shown import moment


class Halt(models.Model):
    """From when to when nothing was drafted; while one is open, no run goes on and none begins."""

    halted_at = models.DateTimeField(_("stopped"))
    halted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("stopped by")
    )
    resumed_at = models.DateTimeField(_("went on"), null=True)
    resumed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("let go on by")
    )

    class Meta:
        verbose_name = _("halt of billing")
        verbose_name_plural = _("halts of billing")
        constraints = [
            models.UniqueConstraint(
                fields=["resumed_at"], condition=Q(resumed_at=None), nulls_distinct=False, name="one_halt_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return moment(self.halted_at)
