"""Nodes, and what they answered: written by the center, read by the facility, and kept."""

from django.db import migrations

from apps.core.migration_operations import same_facility, tenant_table

WRITE = "SELECT, INSERT, UPDATE"
TABLES = ("orders_node", "orders_delivery", "orders_answer")


class Migration(migrations.Migration):
    dependencies = [("orders", "0011_nodes")]
    operations = [
        *(tenant_table(table, facility="SELECT", center=WRITE) for table in TABLES),
        same_facility("orders_delivery", "order_id", "orders_order"),
        same_facility("orders_delivery", "node_id", "orders_node"),
        same_facility("orders_answer", "delivery_id", "orders_delivery"),
        migrations.RunSQL(
            [
                f"CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON {table} EXECUTE FUNCTION orders_refuses()"
                for table in TABLES
            ]
        ),
    ]
