from django.db import migrations

from apps.core.migration_operations import append_only, same_facility, tenant_table


class Migration(migrations.Migration):
    dependencies = [("collection", "0006_receipt_mail")]
    operations = [
        tenant_table("collection_receiptmail", facility="SELECT", center="SELECT, INSERT"),
        same_facility("collection_receiptmail", "receipt_id", "collection_receipt"),
        append_only("collection_receiptmail"),
    ]
