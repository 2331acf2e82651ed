"""How often a worker has begun a production, which images it could not be made of, and what of a restore has arrived."""

import django.db.models.deletion
from django.db import migrations, models

FACILITY = models.ForeignKey(
    db_index=False, on_delete=django.db.models.deletion.PROTECT, to="facilities.facility", verbose_name="facility"
)


def _id() -> models.BigAutoField:
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def _parent(name: str, to: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name=name, to=to
    )


class Migration(migrations.Migration):
    dependencies = [("facilities", "0008_restore_scope"), ("orders", "0014_newest_counted")]
    operations = [
        migrations.AddField(
            model_name="output",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="attempts"),
        ),
        migrations.CreateModel(
            name="Fault",
            fields=[
                ("id", _id()),
                ("sop_instance_uid", models.CharField(max_length=64, verbose_name="SOP Instance UID")),
                ("why", models.CharField(max_length=300, verbose_name="why")),
                ("facility", FACILITY.clone()),
                ("output", _parent("faults", "orders.output")),
            ],
            options={
                "verbose_name": "fault of a production",
                "verbose_name_plural": "faults of productions",
                "constraints": [
                    models.UniqueConstraint(fields=("facility", "output", "sop_instance_uid"), name="one_fault_an_image")
                ],
            },
        ),
        migrations.CreateModel(
            name="Arrival",
            fields=[
                ("id", _id()),
                ("production", models.PositiveSmallIntegerField(verbose_name="production")),
                ("files", models.PositiveBigIntegerField(verbose_name="files that arrived")),
                ("total_files", models.PositiveBigIntegerField(verbose_name="files in all")),
                ("size_bytes", models.PositiveBigIntegerField(verbose_name="size of what arrived")),
                ("total_bytes", models.PositiveBigIntegerField(verbose_name="size in all")),
                ("begun_at", models.DateTimeField(verbose_name="begun")),
                ("told_at", models.DateTimeField(verbose_name="told last")),
                ("facility", FACILITY.clone()),
                ("order", _parent("arrivals", "orders.order")),
            ],
            options={
                "verbose_name": "arrival of a restore",
                "verbose_name_plural": "arrivals of restores",
                "constraints": [
                    models.UniqueConstraint(fields=("facility", "order", "production"), name="arrival_of_production")
                ],
            },
        ),
    ]
