from django.db import migrations

from apps.core.migration_operations import append_only, same_facility, tenant_table

APPEND = "SELECT, INSERT"


class Migration(migrations.Migration):
    dependencies = [("collection", "0001_initial"), ("catalog", "0002_isolation"), ("facilities", "0002_isolation")]
    operations = [
        tenant_table("collection_collection", facility=f"{APPEND}, UPDATE", center="SELECT, UPDATE"),
        tenant_table("collection_receptionrecord", facility=APPEND, center="SELECT"),
        tenant_table("collection_receivedfile", facility=APPEND, center="SELECT"),
        same_facility("collection_receptionrecord", "collection_id", "collection_collection"),
        same_facility("collection_receptionrecord", "device_token_id", "facilities_devicetoken"),
        same_facility("collection_receivedfile", "collection_id", "collection_collection"),
        same_facility("collection_receivedfile", "instance_id", "catalog_instance"),
        same_facility("collection_receivedfile", "conflict_id", "catalog_conflict"),
        same_facility("collection_receivedfile", "pack_id", "vault_pack"),
        append_only("collection_receptionrecord"),
        append_only("collection_receivedfile"),
    ]
