from django.db import migrations

from apps.core.migration_operations import center_table

WRITE = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    dependencies = [("tiers", "0001_initial")]
    operations = [
        center_table(table, center=WRITE, facility="SELECT")
        for table in ("tiers_tier", "tiers_tierversion", "tiers_pricelist", "tiers_price")
    ]
