"""The feed fills itself: whatever stores, changes or deletes a study, the change is noted with it."""

from django.db import migrations

from apps.core.migration_operations import tenant_table

FUNCTIONS = """
CREATE FUNCTION catalog_study_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.catalog_studychange (facility_id, study_instance_uid, kind)
    VALUES (
        COALESCE(NEW.facility_id, OLD.facility_id), COALESCE(NEW.study_instance_uid, OLD.study_instance_uid),
        CASE WHEN TG_OP = 'DELETE' THEN 'deleted'
             WHEN TG_OP = 'UPDATE' AND OLD.instance_count > 0 THEN 'images_added' ELSE 'stored' END
    );
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_study_concerned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.catalog_studychange (facility_id, study_instance_uid, kind)
    SELECT facility_id, study_instance_uid, TG_ARGV[0] FROM public.catalog_study
    WHERE facility_id = NEW.facility_id AND id = NEW.study_id AND instance_count > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_studychange_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'catalog_studychange keeps what was noted: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$
"""
TRIGGERS = [
    "CREATE TRIGGER noted_insert AFTER INSERT ON catalog_study FOR EACH ROW"
    " WHEN (NEW.instance_count > 0) EXECUTE FUNCTION catalog_study_written()",
    "CREATE TRIGGER noted_update AFTER UPDATE OF instance_count ON catalog_study FOR EACH ROW"
    " WHEN (NEW.instance_count > OLD.instance_count) EXECUTE FUNCTION catalog_study_written()",
    "CREATE TRIGGER noted_delete AFTER DELETE ON catalog_study FOR EACH ROW"
    " WHEN (OLD.instance_count > 0) EXECUTE FUNCTION catalog_study_written()",
    "CREATE TRIGGER noted_insert AFTER INSERT ON catalog_hold FOR EACH ROW"
    " EXECUTE FUNCTION catalog_study_concerned('held')",
    "CREATE TRIGGER noted_update AFTER UPDATE OF released_at ON catalog_hold FOR EACH ROW"
    " WHEN (OLD.released_at IS NULL AND NEW.released_at IS NOT NULL)"
    " EXECUTE FUNCTION catalog_study_concerned('released')",
    "CREATE TRIGGER noted AFTER INSERT OR UPDATE OF resolved_at ON catalog_conflict FOR EACH ROW"
    " EXECUTE FUNCTION catalog_study_concerned('conflict')",
    "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE OR UPDATE OF facility_id, study_instance_uid, kind, at"
    " ON catalog_studychange FOR EACH STATEMENT EXECUTE FUNCTION catalog_studychange_is_append_only()",
    "CREATE TRIGGER numbered_once BEFORE UPDATE OF number ON catalog_studychange FOR EACH ROW"
    " WHEN (OLD.number IS NOT NULL) EXECUTE FUNCTION catalog_studychange_is_append_only()",
]
# The studies there are already; with numbers, so that no reader has to give them.
FILL = [
    "ALTER TABLE catalog_study NO FORCE ROW LEVEL SECURITY",
    "INSERT INTO catalog_studychange (facility_id, study_instance_uid, kind, at, number)"
    " SELECT facility_id, study_instance_uid, 'stored', created_at,"
    " row_number() OVER (PARTITION BY facility_id ORDER BY id) FROM catalog_study WHERE instance_count > 0",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "ALTER TABLE catalog_study FORCE ROW LEVEL SECURITY",
]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0014_changes")]
    operations = [
        migrations.RunSQL(FILL),
        tenant_table(
            "catalog_studychange", facility="SELECT, INSERT, UPDATE (number)", center="SELECT, INSERT, UPDATE (number)"
        ),
        migrations.RunSQL(FUNCTIONS),
        migrations.RunSQL(TRIGGERS),
    ]
