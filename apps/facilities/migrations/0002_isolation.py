from django.db import migrations

from apps.core.migration_operations import tenant_table

READ_WRITE = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    dependencies = [("facilities", "0001_initial")]
    operations = [
        tenant_table("facilities_facility", facility="SELECT", center=READ_WRITE, column="id"),
        tenant_table("facilities_membership", facility=f"{READ_WRITE}, DELETE", center=f"{READ_WRITE}, DELETE"),
        tenant_table("facilities_invitation", facility=READ_WRITE, center=READ_WRITE),
        tenant_table("facilities_devicetoken", facility=READ_WRITE, center=READ_WRITE),
    ]
