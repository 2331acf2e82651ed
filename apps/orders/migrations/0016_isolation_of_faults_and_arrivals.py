"""Faults are the center's to write, arrivals the terminals' of a facility; both are kept."""

from django.db import migrations

from apps.core.migration_operations import append_only, same_facility, tenant_table

WRITE = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    dependencies = [("orders", "0015_attempts_faults_and_arrivals")]
    operations = [
        tenant_table("orders_fault", facility="SELECT", center="SELECT, INSERT"),
        tenant_table("orders_arrival", facility=WRITE, center=WRITE),
        same_facility("orders_fault", "output_id", "orders_output"),
        same_facility("orders_arrival", "order_id", "orders_order"),
        append_only("orders_fault"),
        migrations.RunSQL(
            "CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON orders_arrival EXECUTE FUNCTION orders_refuses()"
        ),
    ]
