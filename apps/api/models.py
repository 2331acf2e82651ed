"""Answers that are given again to whoever asks for the same act twice."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.facilities.models import TenantModel


class KeptAnswer(TenantModel):
    """The answer to a request with an Idempotency-Key (apps/api/idempotency.py)."""

    caller = models.CharField(_("caller"), max_length=80)
    key_sha256 = models.BinaryField(max_length=32)
    request_sha256 = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(_("status"))
    headers = models.JSONField(default=dict)
    sealed = models.BinaryField()
    kept_until = models.DateTimeField(_("kept until"), db_index=True)

    class Meta:
        verbose_name = _("kept answer")
        verbose_name_plural = _("kept answers")
        constraints = [
            models.UniqueConstraint(fields=["facility", "caller", "key_sha256"], name="one_answer_for_a_key"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
