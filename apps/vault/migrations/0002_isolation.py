from django.db import migrations

from apps.core.migration_operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("vault", "0001_initial")]
    operations = [tenant_table("vault_pack", facility="SELECT, INSERT", center="SELECT, UPDATE")]
