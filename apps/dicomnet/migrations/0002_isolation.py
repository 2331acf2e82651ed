from django.db import migrations

from apps.core.migration_operations import same_facility, tenant_table

WRITE = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    dependencies = [("dicomnet", "0001_commitments"), ("collection", "0005_terminal_isolation")]
    operations = [
        tenant_table("dicomnet_commitment", facility=WRITE, center="SELECT, UPDATE"),
        same_facility("dicomnet_commitment", "terminal_id", "collection_terminal"),
    ]
