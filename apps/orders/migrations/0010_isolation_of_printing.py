"""Print jobs are the center's, of each facility's orders; printers are the center's own."""

from django.db import migrations

from apps.core.migration_operations import center_table, same_facility, tenant_table

WRITE = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    dependencies = [("orders", "0009_printing")]
    operations = [
        center_table("orders_printer", center=WRITE),
        tenant_table("orders_printjob", facility="SELECT", center=WRITE),
        same_facility("orders_printjob", "order_id", "orders_order"),
        same_facility("orders_printjob", "output_id", "orders_output"),
        migrations.RunSQL(
            "CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON orders_printjob EXECUTE FUNCTION orders_refuses()"
        ),
    ]
