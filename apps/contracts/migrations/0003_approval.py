"""A version is approved once, by the center; nothing else of it ever changes."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION contracts_guards_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.approved_by_id IS NULL AND to_jsonb(NEW) - 'approved_by_id' = to_jsonb(OLD) - 'approved_by_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'contracts_contractversion is append-only: UPDATE is refused'
        USING ERRCODE = 'insufficient_privilege';
END $$
"""
TRIGGERS = [
    "DROP TRIGGER append_only ON contracts_contractversion",
    "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON contracts_contractversion"
    " FOR EACH STATEMENT EXECUTE FUNCTION contracts_contractversion_is_append_only()",
    "CREATE TRIGGER approved BEFORE UPDATE ON contracts_contractversion"
    " FOR EACH ROW EXECUTE FUNCTION contracts_guards_version()",
    "GRANT UPDATE (approved_by_id) ON contracts_contractversion TO medvault_center",
]


class Migration(migrations.Migration):
    dependencies = [("contracts", "0002_isolation")]
    operations = [migrations.RunSQL(FUNCTION), migrations.RunSQL(TRIGGERS)]
