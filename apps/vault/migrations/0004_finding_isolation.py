from django.db import migrations

from apps.core.migration_operations import tenant_table

FOUND = "facility_id, pack_name, place, damage, found_at, read_sha256, read_bytes, agrees_with_manifest"
STATE = "obstacle, resolved_at, resolution, kept_as"


class Migration(migrations.Migration):
    dependencies = [("vault", "0003_findings")]
    operations = [
        tenant_table("vault_finding", facility="SELECT", center=f"SELECT, INSERT, UPDATE ({STATE})"),
        # A finding outlives its pack: the reference ends when the pack is deleted.
        migrations.RunSQL(
            "ALTER TABLE vault_finding ADD CONSTRAINT vault_finding_pack_id_same_facility"
            " FOREIGN KEY (facility_id, pack_id) REFERENCES vault_pack (facility_id, id) ON DELETE SET NULL (pack_id)",
            reverse_sql="ALTER TABLE vault_finding DROP CONSTRAINT vault_finding_pack_id_same_facility",
        ),
        migrations.RunSQL(
            [
                """
                CREATE FUNCTION vault_finding_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    RAISE EXCEPTION 'vault_finding keeps what was found: % is refused', TG_OP
                        USING ERRCODE = 'insufficient_privilege';
                END $$
                """,
                f"""
                CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE OR UPDATE OF {FOUND} ON vault_finding
                FOR EACH STATEMENT EXECUTE FUNCTION vault_finding_is_append_only()
                """,
            ],
            reverse_sql=[
                "DROP TRIGGER append_only ON vault_finding",
                "DROP FUNCTION vault_finding_is_append_only()",
            ],
        ),
    ]
