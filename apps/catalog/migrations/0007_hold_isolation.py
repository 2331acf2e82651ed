from django.db import migrations

from apps.core.migration_operations import same_facility, tenant_table

WRITE = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_holds_and_purposes")]
    operations = [
        tenant_table("catalog_hold", facility=WRITE, center=WRITE),
        same_facility("catalog_hold", "study_id", "catalog_study"),
    ]
