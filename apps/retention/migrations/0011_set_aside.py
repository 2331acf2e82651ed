"""Quarantined files that staff have decided on do not keep a contract from ending; their bytes stay."""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION retention_guards_contract_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.vault_pack pack WHERE pack.facility_id = NEW.facility_id AND (
            pack.kind <> 'quarantine'
            OR NOT EXISTS (
                SELECT FROM public.collection_receivedfile file WHERE file.facility_id = pack.facility_id
                    AND file.pack_id = pack.id AND file.outcome = 'quarantined'
            )
            OR EXISTS (
                SELECT FROM public.collection_receivedfile file WHERE file.facility_id = pack.facility_id
                    AND file.pack_id = pack.id AND file.outcome = 'quarantined' AND NOT EXISTS (
                        SELECT FROM public.collection_quarantinedecision decision
                        WHERE decision.facility_id = file.facility_id AND decision.file_number = file.id
                    )
            )
        )
    ) AND NOT EXISTS (
        SELECT FROM public.contracts_contract
        WHERE facility_id = NEW.facility_id AND starts_on >= NEW.ends_on AND state NOT IN ('draft', 'ended')
    ) THEN
        RAISE EXCEPTION 'Something of the facility is stored under this contract'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("retention", "0010_contract_end"), ("collection", "0012_isolation_of_decisions")]
    operations = [migrations.RunSQL(FUNCTION, reverse_sql=migrations.RunSQL.noop)]
