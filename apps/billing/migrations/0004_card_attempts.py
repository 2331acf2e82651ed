"""An attempt says all that Stripe is asked, and whether the facility was told."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_isolation")]
    operations = [
        migrations.AddField("paymentattempt", "customer", models.CharField(default="", editable=False, max_length=80)),
        migrations.AddField(
            "paymentattempt", "payment_method", models.CharField(default="", editable=False, max_length=80)
        ),
        migrations.AddField("paymentattempt", "told_at", models.DateTimeField(null=True, verbose_name="facility told")),
        migrations.AddIndex(
            "paymentattempt", models.Index(fields=["id"], condition=Q(state="begun"), name="attempt_unanswered")
        ),
        migrations.AddIndex(
            "paymentattempt",
            models.Index(
                fields=["id"], condition=Q(state__in=["declined", "needs_action"], told_at=None), name="attempt_untold"
            ),
        ),
    ]
