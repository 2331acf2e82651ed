"""A deletion takes along the quarantine's copy of what was filed, once every file of that pack is of it or gone."""

from django.db import migrations

REFUSED = "USING ERRCODE = 'insufficient_privilege'"
FUNCTIONS = f"""
CREATE FUNCTION retention_quarantine_goes_with(of_facility bigint, of_pack bigint, of_study bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM public.vault_pack WHERE facility_id = of_facility AND id = of_pack AND kind = 'quarantine'
    ) AND bool_and(coalesce(filed.studies <@ ARRAY[of_study], false)) AND bool_or(of_study = ANY (filed.studies))
    FROM public.collection_receivedfile held
    LEFT JOIN LATERAL (
        SELECT array_remove(array_agg(coalesce(series.study_id, conflict.study_id)), NULL) AS studies
        FROM public.collection_quarantinedecision decision
        JOIN public.collection_receivedfile again ON again.facility_id = decision.facility_id
            AND again.collection_id = decision.filed_by_id AND again.sha256 = held.sha256
        LEFT JOIN public.catalog_instance instance
            ON instance.facility_id = again.facility_id AND instance.id = again.instance_id
        LEFT JOIN public.catalog_series series
            ON series.facility_id = instance.facility_id AND series.id = instance.series_id
        LEFT JOIN public.catalog_conflict conflict
            ON conflict.facility_id = again.facility_id AND conflict.id = again.conflict_id
        WHERE decision.facility_id = held.facility_id AND decision.file_number = held.id
        HAVING count(*) > 0
    ) filed ON true
    WHERE held.facility_id = of_facility AND held.pack_id = of_pack AND held.outcome = 'quarantined'
$$;

CREATE OR REPLACE FUNCTION retention_checks_contents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(NEW.pack_ids) AS given (id)
        WHERE NOT EXISTS (
            SELECT FROM public.catalog_instance i JOIN public.catalog_series s
                ON s.facility_id = i.facility_id AND s.id = i.series_id
            WHERE i.facility_id = NEW.facility_id AND i.pack_id = given.id AND s.study_id = NEW.study_id
        ) AND NOT EXISTS (
            SELECT FROM public.catalog_conflict
            WHERE facility_id = NEW.facility_id AND pack_id = given.id AND study_id = NEW.study_id
        ) AND NOT coalesce(
            public.retention_quarantine_goes_with(NEW.facility_id, given.id, NEW.study_id), false
        )
    ) OR ARRAY(
        SELECT each ->> 'name' COLLATE "C" FROM jsonb_array_elements(NEW.contents -> 'packs') AS each ORDER BY 1
    ) IS DISTINCT FROM ARRAY(
        SELECT name::text COLLATE "C" FROM public.vault_pack
        WHERE facility_id = NEW.facility_id AND id = ANY (NEW.pack_ids) ORDER BY 1
    ) THEN
        RAISE EXCEPTION 'A disposition names the packs of its study, and no others' {REFUSED};
    END IF;
    RETURN NEW;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("retention", "0014_periods_in_the_feed"), ("collection", "0013_filed_by_hand"), ("catalog", "0016_filed_by_hand")]
    operations = [migrations.RunSQL(FUNCTIONS, reverse_sql=migrations.RunSQL.noop)]
