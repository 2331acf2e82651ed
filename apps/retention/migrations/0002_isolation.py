from django.db import migrations

from apps.core.migration_operations import append_only, center_table, same_facility, tenant_table

APPEND = "SELECT, INSERT"
WRITE = "SELECT, INSERT, UPDATE"


def same_facility_until_deleted(table: str, column: str, parent: str) -> migrations.RunSQL:
    """As same_facility; the reference ends with what it refers to."""
    name = f"{table}_{column}_same_facility"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (facility_id, {column})"
        f" REFERENCES {parent} (facility_id, id) ON DELETE SET NULL ({column})",
        reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("retention", "0001_initial"),
        ("catalog", "0007_hold_isolation"),
        ("facilities", "0005_kind_and_subdivision"),
    ]
    operations = [
        center_table("retention_rule", center=WRITE),
        tenant_table("retention_careevent", facility=APPEND, center=f"{APPEND}, DELETE"),
        tenant_table("retention_retention", facility="SELECT", center=f"{WRITE}, DELETE"),
        tenant_table("retention_extension", facility=APPEND, center=f"{APPEND}, DELETE"),
        tenant_table("retention_correction", facility="SELECT", center=f"{WRITE}, DELETE"),
        tenant_table("retention_deletionpolicy", facility="SELECT", center=APPEND),
        tenant_table("retention_disposition", facility="SELECT, UPDATE", center=WRITE),
        same_facility("retention_careevent", "patient_id", "catalog_patient"),
        same_facility("retention_careevent", "device_token_id", "facilities_devicetoken"),
        same_facility("retention_retention", "study_id", "catalog_study"),
        same_facility("retention_extension", "study_id", "catalog_study"),
        same_facility("retention_correction", "study_id", "catalog_study"),
        same_facility_until_deleted("retention_disposition", "study_id", "catalog_study"),
        append_only("retention_deletionpolicy"),
    ]
