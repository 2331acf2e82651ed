"""The ledger is append-only, invoices are kept as finalized, and the database meters what is stored."""

from django.db import migrations

from apps.core.migration_operations import append_only, center_table, same_facility, tenant_table

READ = "SELECT"
APPEND = "SELECT, INSERT"
WRITE = "SELECT, INSERT, UPDATE"
REFUSED = "USING ERRCODE = 'insufficient_privilege'"

FUNCTIONS = f"""
CREATE FUNCTION billing_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused', TG_OP, TG_TABLE_NAME {REFUSED};
END $$;

CREATE FUNCTION billing_guards_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    later text[] := ARRAY['state', 'settled_at', 'mailed_at', 'document_sha256'];
BEGIN
    IF OLD.finalized_at IS NOT NULL AND to_jsonb(NEW) - later <> to_jsonb(OLD) - later
        OR OLD.document_sha256 IS NOT NULL AND NEW.document_sha256 IS DISTINCT FROM OLD.document_sha256
        OR NEW.facility_id <> OLD.facility_id OR NEW.contract_id <> OLD.contract_id OR NEW.period <> OLD.period
        OR NEW.kind <> OLD.kind
    THEN
        RAISE EXCEPTION 'An invoice does not change once it is finalized' {REFUSED};
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guards_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM public.billing_invoice
        WHERE facility_id = NEW.facility_id AND id = NEW.invoice_id AND finalized_at IS NOT NULL;
    IF FOUND THEN
        RAISE EXCEPTION 'The invoice is finalized: nothing is added' {REFUSED};
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_pack_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.billing_storageentry (facility_id, at, delta_bytes, delta_studies)
        SELECT facility_id, now(), sum(size_bytes), 0 FROM written GROUP BY facility_id;
    ELSE
        INSERT INTO public.billing_storageentry (facility_id, at, delta_bytes, delta_studies)
        SELECT facility_id, now(), -sum(size_bytes), 0 FROM written GROUP BY facility_id;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION billing_study_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.billing_storageentry (facility_id, at, delta_bytes, delta_studies)
    SELECT facility_id, now(), 0, CASE WHEN TG_OP = 'INSERT' THEN count(*) ELSE -count(*) END
    FROM written GROUP BY facility_id;
    RETURN NULL;
END $$
"""
TRIGGERS = [
    "CREATE TRIGGER finalized BEFORE UPDATE ON billing_invoice FOR EACH ROW EXECUTE FUNCTION billing_guards_invoice()",
    "CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON billing_invoice EXECUTE FUNCTION billing_refuses()",
    "CREATE TRIGGER finalized BEFORE INSERT ON billing_invoiceline"
    " FOR EACH ROW EXECUTE FUNCTION billing_guards_line()",
    "CREATE TRIGGER finalized BEFORE INSERT ON billing_charge FOR EACH ROW EXECUTE FUNCTION billing_guards_line()",
    "CREATE TRIGGER metered_coming AFTER INSERT ON vault_pack REFERENCING NEW TABLE AS written"
    " FOR EACH STATEMENT EXECUTE FUNCTION billing_pack_written()",
    "CREATE TRIGGER metered_going AFTER DELETE ON vault_pack REFERENCING OLD TABLE AS written"
    " FOR EACH STATEMENT EXECUTE FUNCTION billing_pack_written()",
    "CREATE TRIGGER metered_coming AFTER INSERT ON catalog_study REFERENCING NEW TABLE AS written"
    " FOR EACH STATEMENT EXECUTE FUNCTION billing_study_written()",
    "CREATE TRIGGER metered_going AFTER DELETE ON catalog_study REFERENCING OLD TABLE AS written"
    " FOR EACH STATEMENT EXECUTE FUNCTION billing_study_written()",
]
# What is stored already.
FILL = [
    "ALTER TABLE vault_pack NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE catalog_study NO FORCE ROW LEVEL SECURITY",
    "INSERT INTO billing_storageentry (facility_id, at, delta_bytes, delta_studies)"
    " SELECT facility_id, max(created_at), sum(size_bytes), 0 FROM vault_pack"
    " GROUP BY facility_id, date_trunc('hour', created_at, 'UTC')",
    "INSERT INTO billing_storageentry (facility_id, at, delta_bytes, delta_studies)"
    " SELECT facility_id, max(created_at), 0, count(*) FROM catalog_study"
    " GROUP BY facility_id, date_trunc('hour', created_at, 'UTC')",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "ALTER TABLE catalog_study FORCE ROW LEVEL SECURITY",
    "ALTER TABLE vault_pack FORCE ROW LEVEL SECURITY",
]
OF_INVOICE = ("invoiceline", "charge", "paymentattempt", "payment", "dunningnotice")


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_initial"),
        ("contracts", "0002_isolation"),
        ("vault", "0005_locked_until"),
        ("catalog", "0009_recorded_periods"),
    ]
    operations = [
        migrations.RunSQL(FILL),
        center_table("billing_issuer", center=WRITE, facility=READ),
        center_table("billing_counter", center=WRITE),
        center_table("billing_webhookevent", center=WRITE),
        center_table("billing_banktransaction", center=WRITE),
        tenant_table("billing_billingaccount", facility=WRITE, center=WRITE),
        tenant_table("billing_storageentry", facility=APPEND, center=APPEND),
        tenant_table("billing_storageday", facility=READ, center=APPEND),
        tenant_table("billing_invoice", facility=READ, center=WRITE),
        tenant_table("billing_invoiceline", facility=READ, center=APPEND),
        tenant_table("billing_charge", facility=READ, center=APPEND),
        tenant_table("billing_paymentattempt", facility=READ, center=WRITE),
        tenant_table("billing_payment", facility=READ, center=APPEND),
        tenant_table("billing_dunningnotice", facility=READ, center=APPEND),
        same_facility("billing_invoice", "contract_id", "contracts_contract"),
        same_facility("billing_invoice", "corrects_id", "billing_invoice"),
        *(same_facility(f"billing_{child}", "invoice_id", "billing_invoice") for child in OF_INVOICE),
        same_facility("billing_charge", "line_id", "billing_invoiceline"),
        same_facility("billing_charge", "version_id", "contracts_contractversion"),
        *(
            append_only(f"billing_{table}")
            for table in ("storageentry", "storageday", "invoiceline", "charge", "payment", "dunningnotice")
        ),
        migrations.RunSQL(FUNCTIONS),
        migrations.RunSQL(TRIGGERS),
    ]
