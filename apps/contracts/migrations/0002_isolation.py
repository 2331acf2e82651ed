"""Contracts of a facility are exclusive, their versions are kept, and what they use of the tiers stays as it is."""

from django.db import migrations

from apps.core.migration_operations import append_only, same_facility, tenant_table

APPEND = "SELECT, INSERT"
WRITE = "SELECT, INSERT, UPDATE"
REFUSED = "USING ERRCODE = 'insufficient_privilege'"

# A number as a range of one is what lets GiST compare it without the extension btree_gist.
EXCLUSIVE = """
ALTER TABLE contracts_contract ADD CONSTRAINT contracts_do_not_overlap EXCLUDE USING gist (
    int8range(facility_id, facility_id, '[]') WITH &&, daterange(starts_on, ends_on) WITH &&
) WHERE (state <> 'draft')
"""

FUNCTIONS = f"""
CREATE FUNCTION contracts_version_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
AS $$
BEGIN
    PERFORM FROM tiers_pricelist WHERE id = NEW.price_list_id AND tier_version_id = NEW.tier_version_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The price list is another tier version''s' {REFUSED};
    END IF;
    UPDATE tiers_tierversion SET used_at = now() WHERE id = NEW.tier_version_id AND used_at IS NULL;
    UPDATE tiers_pricelist SET used_at = now() WHERE id = NEW.price_list_id AND used_at IS NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION tiers_guards_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.used_at IS NULL THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'offered_until' = to_jsonb(OLD) - 'offered_until' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A contract uses this: it does not change' {REFUSED};
END $$;

CREATE FUNCTION tiers_guards_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM public.tiers_pricelist WHERE used_at IS NOT NULL AND id IN (
        CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE NEW.price_list_id END,
        CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE OLD.price_list_id END
    );
    IF FOUND THEN
        RAISE EXCEPTION 'A contract uses this price list: it does not change' {REFUSED};
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE FUNCTION contracts_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused', TG_OP, TG_TABLE_NAME {REFUSED};
END $$;

CREATE FUNCTION contracts_guards_contract() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.facility_id <> OLD.facility_id OR NEW.uid <> OLD.uid OR NEW.currency <> OLD.currency
        OR OLD.state <> 'draft' AND NEW.starts_on <> OLD.starts_on
        OR NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
            ('draft', 'active'), ('active', 'suspended'), ('active', 'terminating'), ('suspended', 'active'),
            ('suspended', 'terminating'), ('terminating', 'active'), ('terminating', 'ended')
        )
    THEN
        RAISE EXCEPTION 'A contract cannot change so' {REFUSED};
    END IF;
    RETURN NEW;
END $$
"""
TRIGGERS = [
    "CREATE TRIGGER used AFTER INSERT ON contracts_contractversion"
    " FOR EACH ROW EXECUTE FUNCTION contracts_version_written()",
    "CREATE TRIGGER transitions BEFORE UPDATE ON contracts_contract"
    " FOR EACH ROW EXECUTE FUNCTION contracts_guards_contract()",
    "CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON contracts_contract EXECUTE FUNCTION contracts_refuses()",
    "CREATE TRIGGER unchanged BEFORE UPDATE OR DELETE ON tiers_tierversion"
    " FOR EACH ROW EXECUTE FUNCTION tiers_guards_version()",
    "CREATE TRIGGER unchanged BEFORE UPDATE OR DELETE ON tiers_pricelist"
    " FOR EACH ROW EXECUTE FUNCTION tiers_guards_version()",
    "CREATE TRIGGER unchanged BEFORE INSERT OR UPDATE OR DELETE ON tiers_price"
    " FOR EACH ROW EXECUTE FUNCTION tiers_guards_price()",
    *(
        f"CREATE TRIGGER kept BEFORE TRUNCATE ON {table} EXECUTE FUNCTION contracts_refuses()"
        for table in ("tiers_tierversion", "tiers_pricelist", "tiers_price")
    ),
]


class Migration(migrations.Migration):
    dependencies = [("contracts", "0001_initial"), ("tiers", "0002_isolation")]
    operations = [
        tenant_table("contracts_contract", facility=WRITE, center=WRITE),
        tenant_table("contracts_contractversion", facility=APPEND, center=APPEND),
        tenant_table("contracts_signature", facility=APPEND, center=APPEND),
        same_facility("contracts_contractversion", "contract_id", "contracts_contract"),
        same_facility("contracts_signature", "version_id", "contracts_contractversion"),
        append_only("contracts_contractversion"),
        append_only("contracts_signature"),
        migrations.RunSQL(EXCLUSIVE),
        migrations.RunSQL(FUNCTIONS),
        migrations.RunSQL(TRIGGERS),
    ]
