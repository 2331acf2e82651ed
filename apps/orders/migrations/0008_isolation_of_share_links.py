"""Share links: what they lead to and what opens them stays as it was made; they run out, and never revive."""

from django.db import migrations

from apps.core.migration_operations import same_facility, tenant_table

WRITE = "SELECT, INSERT, UPDATE"
FUNCTIONS = """
CREATE FUNCTION orders_guards_share_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := '{downloads_left,refusals,locked_at,revoked_at}';
BEGIN
    IF to_jsonb(NEW) - free <> to_jsonb(OLD) - free
        OR NEW.downloads_left > OLD.downloads_left OR NEW.refusals < OLD.refusals
        OR OLD.locked_at IS NOT NULL AND NEW.locked_at IS DISTINCT FROM OLD.locked_at
        OR OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at
    THEN
        RAISE EXCEPTION 'A share link cannot change so' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION orders_guards_share_opening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'downloaded_at' <> to_jsonb(OLD) - 'downloaded_at' OR OLD.downloaded_at IS NOT NULL THEN
        RAISE EXCEPTION 'An opening cannot change so' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$
"""
TABLES = ("orders_sharelink", "orders_shareopening")
TRIGGERS = [
    "CREATE TRIGGER made BEFORE UPDATE ON orders_sharelink FOR EACH ROW EXECUTE FUNCTION orders_guards_share_link()",
    "CREATE TRIGGER made BEFORE UPDATE ON orders_shareopening"
    " FOR EACH ROW EXECUTE FUNCTION orders_guards_share_opening()",
    *(
        f"CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON {table} EXECUTE FUNCTION orders_refuses()"
        for table in TABLES
    ),
]


class Migration(migrations.Migration):
    dependencies = [("orders", "0007_share_links")]
    operations = [
        *(tenant_table(table, facility=WRITE, center="SELECT") for table in TABLES),
        same_facility("orders_sharelink", "order_id", "orders_order"),
        same_facility("orders_shareopening", "link_id", "orders_sharelink"),
        migrations.RunSQL(FUNCTIONS),
        migrations.RunSQL(TRIGGERS),
    ]
