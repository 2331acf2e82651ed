from django.db import migrations

from apps.core.migration_operations import same_facility, tenant_table

READ_WRITE = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial"), ("vault", "0002_isolation")]
    operations = [
        tenant_table("catalog_patient", facility=READ_WRITE, center="SELECT, UPDATE"),
        tenant_table("catalog_study", facility=READ_WRITE, center="SELECT, UPDATE"),
        tenant_table("catalog_series", facility=READ_WRITE, center="SELECT, UPDATE"),
        tenant_table("catalog_instance", facility="SELECT, INSERT", center="SELECT"),
        tenant_table("catalog_conflict", facility="SELECT, INSERT", center="SELECT, UPDATE"),
        same_facility("catalog_study", "patient_id", "catalog_patient"),
        same_facility("catalog_series", "study_id", "catalog_study"),
        same_facility("catalog_instance", "series_id", "catalog_series"),
        same_facility("catalog_instance", "pack_id", "vault_pack"),
        same_facility("catalog_conflict", "study_id", "catalog_study"),
        same_facility("catalog_conflict", "pack_id", "vault_pack"),
    ]
