"""What makes early deletion impossible rather than forbidden: triggers, for every role and the owner alike."""

from django.db import migrations

REFUSED = "USING ERRCODE = 'insufficient_privilege'"

# A day is over when it is over everywhere on Earth (UTC-12).
FUNCTIONS = f"""
CREATE FUNCTION retention_today() RETURNS date LANGUAGE sql STABLE AS $$
    SELECT (clock_timestamp() AT TIME ZONE 'UTC' - interval '12 hours')::date
$$;

CREATE FUNCTION retention_is_deleting(of_facility bigint, of_study bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM public.retention_disposition WHERE facility_id = of_facility AND study_id = of_study
            AND state = 'deleting' AND deleting_at = transaction_timestamp()
    )
$$;

CREATE FUNCTION retention_deletes_now(of_facility bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM public.retention_disposition WHERE facility_id = of_facility
            AND state = 'deleting' AND deleting_at = transaction_timestamp()
    )
$$;

CREATE FUNCTION retention_guards_study() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_study bigint;
BEGIN
    IF TG_TABLE_NAME = 'catalog_study' THEN
        of_study := OLD.id;
    ELSIF TG_TABLE_NAME = 'catalog_instance' THEN
        SELECT study_id INTO of_study FROM public.catalog_series
        WHERE facility_id = OLD.facility_id AND id = OLD.series_id;
    ELSE
        of_study := OLD.study_id;
    END IF;
    IF of_study IS NULL OR NOT public.retention_is_deleting(OLD.facility_id, of_study) THEN
        RAISE EXCEPTION 'A row of % is deleted by the disposition of its study alone', TG_TABLE_NAME {REFUSED};
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION retention_guards_patient() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_patient bigint;
BEGIN
    IF TG_TABLE_NAME = 'catalog_patient' THEN
        of_patient := OLD.id;
    ELSE
        of_patient := OLD.patient_id;
    END IF;
    IF NOT public.retention_deletes_now(OLD.facility_id) OR EXISTS (
        SELECT FROM public.catalog_study WHERE facility_id = OLD.facility_id AND patient_id = of_patient
    ) THEN
        RAISE EXCEPTION 'A row of % goes with the last study of its patient alone', TG_TABLE_NAME {REFUSED};
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION retention_guards_pack() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.retention_disposition WHERE facility_id = OLD.facility_id AND state = 'deleting'
            AND deleting_at = transaction_timestamp() AND OLD.id = ANY (pack_ids)
    ) THEN
        RAISE EXCEPTION 'A pack is deleted by the disposition of its study alone' {REFUSED};
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION retention_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused', TG_OP, TG_TABLE_NAME {REFUSED};
END $$;

CREATE FUNCTION retention_guards_floors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.facility_id <> OLD.facility_id OR NEW.study_id <> OLD.study_id THEN
        RAISE EXCEPTION 'A storage period stays with its study' {REFUSED};
    END IF;
    IF OLD.certain_until IS NULL OR NEW.certain_until >= OLD.certain_until OR EXISTS (
        SELECT FROM public.retention_correction WHERE facility_id = OLD.facility_id AND study_id = OLD.study_id
            AND until = NEW.certain_until AND is_approved AND decided_by_id <> proposed_by_id
            AND decided_at = transaction_timestamp()
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A storage period is shortened by an approved correction alone' {REFUSED};
END $$;

CREATE FUNCTION retention_guards_correction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.decided_at IS NOT NULL OR TG_OP = 'UPDATE' AND (
        OLD.decided_at IS NOT NULL OR NEW.until <> OLD.until OR NEW.proposed_by_id <> OLD.proposed_by_id
        OR NEW.study_id <> OLD.study_id OR NEW.decided_by_id IS NULL
    ) THEN
        RAISE EXCEPTION 'A correction is proposed by one person and decided once by another' {REFUSED};
    END IF;
    NEW.decided_at := CASE WHEN TG_OP = 'UPDATE' THEN transaction_timestamp() END;
    RETURN NEW;
END $$;

CREATE FUNCTION retention_guards_disposition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'expired' THEN
            RAISE EXCEPTION 'A disposition begins as expired' {REFUSED};
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state IN ('deleted', 'withdrawn') AND to_jsonb(NEW) - 'study_id' <> to_jsonb(OLD) - 'study_id' THEN
        RAISE EXCEPTION 'A disposition that is % does not change', OLD.state {REFUSED};
    END IF;
    IF NEW.facility_id <> OLD.facility_id OR NEW.study_instance_uid <> OLD.study_instance_uid
        OR NEW.study_id <> OLD.study_id OR NEW.study_id IS NULL AND NEW.state IN ('expired', 'notified', 'approved')
        OR NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
            ('expired', 'notified'), ('expired', 'approved'), ('expired', 'withdrawn'), ('notified', 'approved'),
            ('notified', 'withdrawn'), ('approved', 'deleting'), ('approved', 'withdrawn'), ('deleting', 'deleted')
        ) OR OLD.state = 'deleting' AND (NEW.pack_ids <> OLD.pack_ids OR NEW.contents <> OLD.contents)
    THEN
        RAISE EXCEPTION 'A disposition cannot go from % to %', OLD.state, NEW.state {REFUSED};
    END IF;
    IF NEW.state = 'deleting' AND OLD.state = 'approved' THEN
        PERFORM public.retention_may_delete(NEW);
        NEW.deleting_at := transaction_timestamp();
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION retention_may_delete(ending public.retention_disposition) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    of_patient bigint;
BEGIN
    PERFORM FROM public.retention_retention WHERE facility_id = ending.facility_id AND study_id = ending.study_id
        AND kept_until < public.retention_today() FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The study is still retained' {REFUSED};
    END IF;
    PERFORM FROM public.catalog_hold WHERE facility_id = ending.facility_id AND study_id = ending.study_id
        AND released_at IS NULL;
    IF FOUND OR ending.approved_at IS NULL THEN
        RAISE EXCEPTION 'The study is held, or its deletion was not approved' {REFUSED};
    END IF;
    SELECT patient_id INTO of_patient FROM public.catalog_study
        WHERE facility_id = ending.facility_id AND id = ending.study_id;
    PERFORM FROM public.catalog_study WHERE facility_id = ending.facility_id AND patient_id = of_patient
        AND needs_assessment;
    IF FOUND THEN
        RAISE EXCEPTION 'The storage period is to be assessed again first' {REFUSED};
    END IF;
END $$;

CREATE FUNCTION retention_guards_proof() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased text[] := ARRAY['source_name', 'instance_id', 'conflict_id', 'pack_id', 'pack_offset'];
BEGIN
    IF to_jsonb(NEW) - erased <> to_jsonb(OLD) - erased OR NEW.source_name <> ''
        OR NOT public.retention_deletes_now(OLD.facility_id)
    THEN
        RAISE EXCEPTION '% is append-only: UPDATE is refused', TG_TABLE_NAME {REFUSED};
    END IF;
    RETURN NEW;
END $$
"""

OF_STUDY = (
    "catalog_study", "catalog_series", "catalog_instance", "catalog_conflict", "catalog_hold",
    "retention_retention", "retention_extension", "retention_correction",
)  # fmt: skip
OF_PATIENT = ("catalog_patient", "catalog_namepart", "retention_careevent")
PROOF = ("collection_receivedfile", "collection_announcedfile")


def _before_delete(table: str, function: str) -> list[str]:
    return [
        f"CREATE TRIGGER retained BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()",
        f"CREATE TRIGGER retained_all BEFORE TRUNCATE ON {table} EXECUTE FUNCTION retention_refuses()",
        f"GRANT DELETE ON {table} TO medvault_center",
    ]


TRIGGERS = [
    *(statement for table in OF_STUDY for statement in _before_delete(table, "retention_guards_study")),
    *(statement for table in OF_PATIENT for statement in _before_delete(table, "retention_guards_patient")),
    *_before_delete("vault_pack", "retention_guards_pack"),
    "CREATE TRIGGER floors BEFORE UPDATE ON retention_retention"
    " FOR EACH ROW EXECUTE FUNCTION retention_guards_floors()",
    "CREATE TRIGGER two_people BEFORE INSERT OR UPDATE ON retention_correction"
    " FOR EACH ROW EXECUTE FUNCTION retention_guards_correction()",
    "CREATE TRIGGER transitions BEFORE INSERT OR UPDATE ON retention_disposition"
    " FOR EACH ROW EXECUTE FUNCTION retention_guards_disposition()",
    "CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON retention_disposition EXECUTE FUNCTION retention_refuses()",
    "CREATE TRIGGER said BEFORE UPDATE ON retention_careevent EXECUTE FUNCTION retention_refuses()",
    "CREATE TRIGGER said BEFORE UPDATE ON retention_extension EXECUTE FUNCTION retention_refuses()",
]
for _table in PROOF:
    TRIGGERS += [
        f"DROP TRIGGER append_only ON {_table}",
        f"CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON {_table} EXECUTE FUNCTION {_table}_is_append_only()",
        f"CREATE TRIGGER erased BEFORE UPDATE ON {_table} FOR EACH ROW EXECUTE FUNCTION retention_guards_proof()",
        f"GRANT UPDATE ON {_table} TO medvault_center",
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("retention", "0002_isolation"),
        ("collection", "0008_deletion_indexes"),
        ("vault", "0002_isolation"),
    ]
    operations = [migrations.RunSQL(FUNCTIONS), migrations.RunSQL(TRIGGERS)]
