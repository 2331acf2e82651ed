"""A contract ends when nothing of its facility is stored any more, or another one follows: whoever writes it."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION retention_guards_contract_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.vault_pack WHERE facility_id = NEW.facility_id) AND NOT EXISTS (
        SELECT FROM public.contracts_contract
        WHERE facility_id = NEW.facility_id AND starts_on >= NEW.ends_on AND state NOT IN ('draft', 'ended')
    ) THEN
        RAISE EXCEPTION 'Something of the facility is stored under this contract'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$
"""
TRIGGER = (
    "CREATE TRIGGER nothing_stored BEFORE UPDATE OF state ON contracts_contract FOR EACH ROW"
    " WHEN (OLD.state = 'terminating' AND NEW.state = 'ended') EXECUTE FUNCTION retention_guards_contract_end()"
)


class Migration(migrations.Migration):
    dependencies = [("retention", "0009_extensions_by_time"), ("contracts", "0004_returned")]
    operations = [migrations.RunSQL(FUNCTION), migrations.RunSQL(TRIGGER)]
