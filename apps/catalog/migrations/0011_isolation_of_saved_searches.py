from django.db import migrations

from apps.core.migration_operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("catalog", "0010_saved_searches")]
    operations = [
        tenant_table("catalog_savedsearch", facility="SELECT, INSERT, UPDATE, DELETE", center="SELECT, DELETE"),
    ]
