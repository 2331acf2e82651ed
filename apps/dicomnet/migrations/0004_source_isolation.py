from django.db import migrations

from apps.core.migration_operations import same_facility, tenant_table

WRITE = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    dependencies = [("dicomnet", "0003_sources")]
    operations = [
        tenant_table("dicomnet_source", facility="SELECT, UPDATE", center=WRITE),
        same_facility("dicomnet_source", "terminal_id", "collection_terminal"),
    ]
