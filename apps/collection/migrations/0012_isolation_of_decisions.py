from django.db import migrations

from apps.core.migration_operations import append_only, same_facility, tenant_table


class Migration(migrations.Migration):
    dependencies = [("collection", "0011_quarantine_decisions")]
    operations = [
        tenant_table("collection_quarantinedecision", facility="SELECT", center="SELECT, INSERT"),
        same_facility("collection_quarantinedecision", "collection_id", "collection_collection"),
        same_facility("collection_quarantinedecision", "filed_by_id", "collection_collection"),
        append_only("collection_quarantinedecision"),
    ]
