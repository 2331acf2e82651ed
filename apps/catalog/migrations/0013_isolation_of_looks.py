from django.db import migrations

from apps.core.migration_operations import append_only, tenant_table


class Migration(migrations.Migration):
    dependencies = [("catalog", "0012_looks_and_decisions")]
    operations = [
        tenant_table("catalog_imageaccess", facility="SELECT", center="SELECT, INSERT"),
        append_only("catalog_imageaccess"),
    ]
