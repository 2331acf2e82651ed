"""What a deletion takes along is what its study is made of: nothing can be moved there, and nothing else be named."""

from django.db import migrations

REFUSED = "USING ERRCODE = 'insufficient_privilege'"
FUNCTIONS = f"""
CREATE FUNCTION retention_refuses_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A row of % stays where it was filed', TG_TABLE_NAME {REFUSED};
END $$;

CREATE FUNCTION retention_checks_contents() RETURNS trigger LANGUAGE plpgsql AS $$
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
FILED = {
    "catalog_series": ("study_id",),
    "catalog_instance": ("series_id", "pack_id"),
    "catalog_conflict": ("study_id", "pack_id"),
    "vault_pack": ("name",),
}
TRIGGERS = [
    "CREATE TRIGGER what_is_deleted BEFORE UPDATE ON retention_disposition FOR EACH ROW"
    " WHEN (OLD.state = 'approved' AND NEW.state = 'deleting') EXECUTE FUNCTION retention_checks_contents()",
]
for _table, _columns in FILED.items():
    _moved = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in _columns)
    TRIGGERS.append(
        f"CREATE TRIGGER filed BEFORE UPDATE OF {', '.join(_columns)} ON {_table} FOR EACH ROW"
        f" WHEN ({_moved}) EXECUTE FUNCTION retention_refuses_move()"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("retention", "0006_recorded_periods"),
        ("catalog", "0007_hold_isolation"),
        ("vault", "0005_locked_until"),
    ]
    operations = [migrations.RunSQL(FUNCTIONS), migrations.RunSQL(TRIGGERS)]
