"""Staff stop the run of billing, and let it go on."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.core.migration_operations import center_table


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("billing", "0005_finalizing"),
    ]
    operations = [
        migrations.CreateModel(
            name="Halt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("halted_at", models.DateTimeField(verbose_name="stopped")),
                ("resumed_at", models.DateTimeField(null=True, verbose_name="went on")),
                (
                    "halted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL,
                        verbose_name="stopped by",
                    ),
                ),
                (
                    "resumed_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+",
                        to=settings.AUTH_USER_MODEL, verbose_name="let go on by",
                    ),
                ),
            ],
            options={
                "verbose_name": "halt of billing",
                "verbose_name_plural": "halts of billing",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("resumed_at", None)), fields=("resumed_at",), name="one_halt_at_a_time",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        center_table("billing_halt", center="SELECT, INSERT, UPDATE"),
    ]  # fmt: skip
