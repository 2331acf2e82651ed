"""Days of storage say when they ended, numbers are unique, and a draft's taxes may still change."""

from datetime import UTC, datetime

from django.db import migrations, models

REFUSED = "USING ERRCODE = 'insufficient_privilege'"

# The clock's time, not the transaction's: what is written within a long transaction belongs to the day it was written.
ENTRIES = """
CREATE OR REPLACE FUNCTION billing_pack_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.billing_storageentry (facility_id, at, delta_bytes, delta_studies)
    SELECT facility_id, clock_timestamp(), CASE WHEN TG_OP = 'INSERT' THEN sum(size_bytes) ELSE -sum(size_bytes) END, 0
    FROM written GROUP BY facility_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION billing_study_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.billing_storageentry (facility_id, at, delta_bytes, delta_studies)
    SELECT facility_id, clock_timestamp(), 0, CASE WHEN TG_OP = 'INSERT' THEN count(*) ELSE -count(*) END
    FROM written GROUP BY facility_id;
    RETURN NULL;
END $$
"""
LINES = f"""
CREATE FUNCTION billing_guards_tax() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taxes text[] := ARRAY['tax_category', 'tax_rate'];
BEGIN
    PERFORM FROM public.billing_invoice
        WHERE facility_id = OLD.facility_id AND id = OLD.invoice_id AND finalized_at IS NULL;
    IF NOT FOUND OR to_jsonb(NEW) - taxes <> to_jsonb(OLD) - taxes THEN
        RAISE EXCEPTION 'A line of an invoice does not change' {REFUSED};
    END IF;
    RETURN NEW;
END $$
"""
TRIGGERS = [
    "DROP TRIGGER append_only ON billing_invoiceline",
    "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON billing_invoiceline"
    " FOR EACH STATEMENT EXECUTE FUNCTION billing_invoiceline_is_append_only()",
    "CREATE TRIGGER taxed BEFORE UPDATE ON billing_invoiceline FOR EACH ROW EXECUTE FUNCTION billing_guards_tax()",
    "GRANT UPDATE (tax_category, tax_rate) ON billing_invoiceline TO medvault_center",
]


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_card_attempts")]
    operations = [
        migrations.AddField(
            "storageday",
            "ends_at",
            models.DateTimeField(
                default=datetime(2000, 1, 1, tzinfo=UTC),
                help_text="what came later counts for the day after",
                verbose_name="ended",
            ),
            preserve_default=False,
        ),
        migrations.AlterField("storageday", "studies", models.IntegerField(verbose_name="studies")),
        migrations.RemoveIndex("invoice", "invoice_by_number"),
        migrations.AddConstraint(
            "invoice",
            models.UniqueConstraint(
                condition=models.Q(("number", ""), _negated=True),
                fields=("number", "issuer"),
                name="invoice_number_of_issuer",
            ),
        ),
        migrations.RunSQL(ENTRIES),
        migrations.RunSQL(LINES),
        migrations.RunSQL(TRIGGERS),
    ]
