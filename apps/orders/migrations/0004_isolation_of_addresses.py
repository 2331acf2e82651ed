"""Addresses: written with the quote, read by both, and changed only to be erased."""

from django.db import migrations

from apps.core.migration_operations import same_facility, tenant_table

ERASING = """
CREATE FUNCTION orders_erases_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.name <> '' OR NEW.lines <> '' OR NEW.erased_at IS NULL OR OLD.erased_at IS NOT NULL
        OR (NEW.id, NEW.facility_id, NEW.order_id) <> (OLD.id, OLD.facility_id, OLD.order_id)
    THEN
        RAISE EXCEPTION 'An address is kept as it was given, or erased' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$
"""
TRIGGERS = [
    "CREATE TRIGGER quoted BEFORE INSERT ON orders_orderaddress FOR EACH ROW EXECUTE FUNCTION orders_guards_quote()",
    "CREATE TRIGGER erased BEFORE UPDATE OR DELETE ON orders_orderaddress"
    " FOR EACH ROW EXECUTE FUNCTION orders_erases_address()",
    "CREATE TRIGGER kept BEFORE TRUNCATE ON orders_orderaddress EXECUTE FUNCTION orders_refuses()",
]


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_options_and_addresses")]
    operations = [
        tenant_table("orders_orderaddress", facility="SELECT, INSERT", center="SELECT, INSERT, UPDATE"),
        same_facility("orders_orderaddress", "order_id", "orders_order"),
        migrations.RunSQL(ERASING),
        migrations.RunSQL(TRIGGERS),
    ]
