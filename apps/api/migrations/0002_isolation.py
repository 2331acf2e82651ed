"""Kept answers: a facility's own, deleted by the center when they are old."""

from django.db import migrations

from apps.core.migration_operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("api", "0001_initial")]
    operations = [
        tenant_table("api_keptanswer", facility="SELECT, INSERT, UPDATE", center="SELECT, DELETE"),
    ]
