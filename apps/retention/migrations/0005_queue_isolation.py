"""The queue fills itself: whatever writes what floors depend on, the studies it concerns are to be assessed."""

from django.db import migrations

from apps.core.migration_operations import same_facility, tenant_table

# Assessing holds the patient, then their studies. What is told of either takes the same rows first, so that it is seen
# by the assessment that takes the study out of the queue, or puts it there again.
FUNCTIONS = """
CREATE FUNCTION retention_study_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.retention_unassessed (facility_id, study_id) VALUES (NEW.facility_id, NEW.id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION retention_patient_written() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_patient bigint;
BEGIN
    IF TG_TABLE_NAME = 'catalog_patient' THEN
        of_patient := NEW.id;
    ELSE
        of_patient := NEW.patient_id;
        PERFORM FROM public.catalog_patient WHERE facility_id = NEW.facility_id AND id = of_patient FOR NO KEY UPDATE;
    END IF;
    INSERT INTO public.retention_unassessed (facility_id, study_id)
    SELECT facility_id, id FROM public.catalog_study WHERE facility_id = NEW.facility_id AND patient_id = of_patient
    ORDER BY id ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION retention_extension_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM public.catalog_study WHERE facility_id = NEW.facility_id AND id = NEW.study_id FOR NO KEY UPDATE;
    INSERT INTO public.retention_unassessed (facility_id, study_id) VALUES (NEW.facility_id, NEW.study_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION retention_may_delete(ending public.retention_disposition) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM public.retention_retention WHERE facility_id = ending.facility_id AND study_id = ending.study_id
        AND kept_until < public.retention_today() FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The study is still retained' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM FROM public.catalog_hold WHERE facility_id = ending.facility_id AND study_id = ending.study_id
        AND released_at IS NULL;
    IF FOUND OR ending.approved_at IS NULL THEN
        RAISE EXCEPTION 'The study is held, or its deletion was not approved'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM FROM public.retention_unassessed q JOIN public.catalog_study other
        ON other.facility_id = q.facility_id AND other.id = q.study_id
        JOIN public.catalog_study s ON s.facility_id = other.facility_id AND s.patient_id = other.patient_id
        WHERE s.facility_id = ending.facility_id AND s.id = ending.study_id;
    IF FOUND THEN
        RAISE EXCEPTION 'The storage period is to be assessed again first' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$
"""
TRIGGERS = [
    "CREATE TRIGGER unassessed AFTER INSERT OR UPDATE OF patient_id, study_date, modalities_in_study, body_parts,"
    " purposes, recorded_until, updated_at ON catalog_study FOR EACH ROW EXECUTE FUNCTION retention_study_written()",
    "CREATE TRIGGER unassessed AFTER UPDATE OF birth_date ON catalog_patient FOR EACH ROW"
    " WHEN (OLD.birth_date IS DISTINCT FROM NEW.birth_date) EXECUTE FUNCTION retention_patient_written()",
    "CREATE TRIGGER unassessed AFTER INSERT ON retention_careevent"
    " FOR EACH ROW EXECUTE FUNCTION retention_patient_written()",
    "CREATE TRIGGER unassessed AFTER INSERT ON retention_extension"
    " FOR EACH ROW EXECUTE FUNCTION retention_extension_written()",
]
# The studies there are already.
FILL = [
    "ALTER TABLE catalog_study NO FORCE ROW LEVEL SECURITY",
    "INSERT INTO retention_unassessed (facility_id, study_id) SELECT facility_id, id FROM catalog_study"
    " ON CONFLICT DO NOTHING",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "ALTER TABLE catalog_study FORCE ROW LEVEL SECURITY",
]


class Migration(migrations.Migration):
    dependencies = [("retention", "0004_queue"), ("retention", "0003_guards")]
    operations = [
        migrations.RunSQL(FILL),
        tenant_table("retention_unassessed", facility="SELECT, INSERT", center="SELECT, INSERT, UPDATE, DELETE"),
        same_facility("retention_unassessed", "study_id", "catalog_study"),
        migrations.RunSQL(FUNCTIONS),
        migrations.RunSQL(TRIGGERS),
    ]
