from django.db import migrations

from apps.core.migration_operations import CURRENT_FACILITY, append_only, tenant_table


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        tenant_table("audit_event", facility="SELECT, INSERT", center="SELECT, INSERT"),
        # What a person does outside of any facility, such as signing in, is recorded by a connection that has entered
        # none; such events are the center's to read.
        migrations.RunSQL(
            "CREATE POLICY outside_of_facilities ON audit_event FOR INSERT TO medvault_facility"
            f" WITH CHECK (facility_id IS NULL AND {CURRENT_FACILITY} IS NULL)",
            reverse_sql="DROP POLICY outside_of_facilities ON audit_event",
        ),
        append_only("audit_event"),
    ]
