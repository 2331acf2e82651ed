from django.db import migrations

from apps.core.migration_operations import append_only, center_table, same_facility, tenant_table

APPEND = "SELECT, INSERT"
WRITE = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    dependencies = [("collection", "0004_terminals_and_receipts"), ("facilities", "0002_isolation")]
    operations = [
        tenant_table("collection_terminal", facility="SELECT, UPDATE", center=WRITE),
        tenant_table("collection_capacity", facility=APPEND, center="SELECT"),
        tenant_table("collection_collectionrequest", facility=WRITE, center=WRITE),
        tenant_table("collection_collectorfacility", facility="SELECT", center=WRITE),
        tenant_table("collection_upload", facility=WRITE, center="SELECT, UPDATE"),
        tenant_table("collection_announcedfile", facility=APPEND, center="SELECT"),
        tenant_table("collection_receipt", facility=APPEND, center="SELECT, INSERT"),
        center_table("collection_collector", center=WRITE),
        same_facility("collection_collection", "terminal_id", "collection_terminal"),
        same_facility("collection_terminal", "device_token_id", "facilities_devicetoken"),
        same_facility("collection_capacity", "terminal_id", "collection_terminal"),
        same_facility("collection_collectionrequest", "terminal_id", "collection_terminal"),
        same_facility("collection_collectorfacility", "device_token_id", "facilities_devicetoken"),
        same_facility("collection_upload", "device_token_id", "facilities_devicetoken"),
        same_facility("collection_announcedfile", "collection_id", "collection_collection"),
        same_facility("collection_receipt", "collection_id", "collection_collection"),
        same_facility("collection_receipt", "terminal_id", "collection_terminal"),
        append_only("collection_capacity"),
        append_only("collection_announcedfile"),
        append_only("collection_receipt"),
    ]
