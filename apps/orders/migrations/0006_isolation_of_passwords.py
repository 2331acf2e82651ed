"""Passwords: made and erased by the center, read by both, never changed."""

from django.db import migrations

from apps.core.migration_operations import same_facility, tenant_table

ERASING = """
CREATE FUNCTION orders_erases_password() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.sealed IS NOT NULL OR NEW.erased_at IS NULL OR OLD.erased_at IS NOT NULL
        OR (NEW.id, NEW.facility_id, NEW.order_id) <> (OLD.id, OLD.facility_id, OLD.order_id)
    THEN
        RAISE EXCEPTION 'A password is kept as it was made, or erased' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$
"""
TRIGGERS = [
    "CREATE TRIGGER erased BEFORE UPDATE OR DELETE ON orders_orderpassword"
    " FOR EACH ROW EXECUTE FUNCTION orders_erases_password()",
    "CREATE TRIGGER kept BEFORE TRUNCATE ON orders_orderpassword EXECUTE FUNCTION orders_refuses()",
]


class Migration(migrations.Migration):
    dependencies = [("orders", "0005_passwords")]
    operations = [
        tenant_table("orders_orderpassword", facility="SELECT", center="SELECT, INSERT, UPDATE"),
        same_facility("orders_orderpassword", "order_id", "orders_order"),
        migrations.RunSQL(ERASING),
        migrations.RunSQL(TRIGGERS),
    ]
