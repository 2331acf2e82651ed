"""A contract's minimum period binds all studies of its facility: whoever writes one, they are to be assessed."""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION retention_contract_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'contracts_contractversion' THEN
        PERFORM FROM public.contracts_contract
        WHERE facility_id = NEW.facility_id AND id = NEW.contract_id AND state <> 'draft';
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        PERFORM FROM public.contracts_contractversion
        WHERE facility_id = NEW.facility_id AND contract_id = NEW.contract_id AND id <> NEW.id
        HAVING count(*) = 0 OR bool_or(minimum_period <> NEW.minimum_period);
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO public.retention_unassessed (facility_id, study_id)
    SELECT facility_id, id FROM public.catalog_study WHERE facility_id = NEW.facility_id
    ORDER BY id ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$
"""
TRIGGERS = [
    "CREATE TRIGGER unassessed AFTER INSERT OR UPDATE OF approved_by_id ON contracts_contractversion"
    " FOR EACH ROW EXECUTE FUNCTION retention_contract_written()",
    "CREATE TRIGGER unassessed AFTER UPDATE OF state ON contracts_contract FOR EACH ROW"
    " WHEN (OLD.state <> NEW.state AND (OLD.state = 'draft' OR NEW.state = 'ended'))"
    " EXECUTE FUNCTION retention_contract_written()",
]


class Migration(migrations.Migration):
    dependencies = [("retention", "0007_what_is_deleted"), ("contracts", "0003_approval")]
    operations = [migrations.RunSQL(FUNCTIONS), migrations.RunSQL(TRIGGERS)]
