"""Orders go from state to state as they may, facilities within their own part; what was quoted never changes."""

from django.db import migrations

from apps.core.migration_operations import append_only, same_facility, tenant_table

APPEND = "SELECT, INSERT"
WRITE = "SELECT, INSERT, UPDATE"
REFUSED = "USING ERRCODE = 'insufficient_privilege'"

FUNCTIONS = f"""
CREATE FUNCTION orders_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused', TG_OP, TG_TABLE_NAME {REFUSED};
END $$;

CREATE FUNCTION orders_guards_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := '{{state,requested_at,due_at,emergency,accepted_by_id,tracking_number,delivered_at,offered_until,problem}}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'quoted' OR NEW.delivered_at IS NOT NULL THEN
            RAISE EXCEPTION 'An order begins with a quote' {REFUSED};
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - free <> to_jsonb(OLD) - free THEN
        RAISE EXCEPTION 'What was quoted does not change' {REFUSED};
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('quoted', 'requested'), ('quoted', 'cancelled'), ('requested', 'accepted'), ('requested', 'cancelled'),
        ('accepted', 'producing'), ('accepted', 'cancelled'), ('producing', 'ready'), ('producing', 'accepted'),
        ('ready', 'dispatched'), ('ready', 'accepted'), ('dispatched', 'completed'), ('dispatched', 'accepted')
    )
        OR OLD.requested_at IS NOT NULL AND (NEW.requested_at, NEW.due_at, NEW.emergency)
            IS DISTINCT FROM (OLD.requested_at, OLD.due_at, OLD.emergency)
        OR OLD.delivered_at IS NOT NULL AND (
            NEW.delivered_at IS DISTINCT FROM OLD.delivered_at OR NEW.state = 'cancelled' AND OLD.state <> 'cancelled'
        )
        OR current_user = 'medvault_facility' AND (
            NEW.state <> OLD.state AND NEW.state NOT IN ('requested', 'cancelled', 'completed')
            OR (NEW.accepted_by_id, NEW.tracking_number, NEW.delivered_at, NEW.offered_until, NEW.problem)
                IS DISTINCT FROM
                (OLD.accepted_by_id, OLD.tracking_number, OLD.delivered_at, OLD.offered_until, OLD.problem)
        )
    THEN
        RAISE EXCEPTION 'An order cannot change so' {REFUSED};
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION orders_guards_quote() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM public.orders_order WHERE facility_id = NEW.facility_id AND id = NEW.order_id AND state = 'quoted';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The order was requested: its quote does not change' {REFUSED};
    END IF;
    RETURN NEW;
END $$
"""
TRIGGERS = [
    "CREATE TRIGGER transitions BEFORE INSERT OR UPDATE ON orders_order"
    " FOR EACH ROW EXECUTE FUNCTION orders_guards_order()",
    "CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON orders_order EXECUTE FUNCTION orders_refuses()",
    "CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON orders_output EXECUTE FUNCTION orders_refuses()",
    *(
        f"CREATE TRIGGER quoted BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION orders_guards_quote()"
        for table in ("orders_orderitem", "orders_quoteline")
    ),
]
APPENDED = ("orders_orderitem", "orders_quoteline", "orders_step", "orders_message")
CHILDREN = (*APPENDED, "orders_output")


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial"), ("contracts", "0002_isolation")]
    operations = [
        tenant_table("orders_order", facility=WRITE, center=WRITE),
        *(tenant_table(table, facility=APPEND, center=APPEND) for table in APPENDED),
        tenant_table("orders_output", facility="SELECT", center=WRITE),
        same_facility("orders_order", "version_id", "contracts_contractversion"),
        *(same_facility(table, "order_id", "orders_order") for table in CHILDREN),
        *(append_only(table) for table in APPENDED),
        migrations.RunSQL(FUNCTIONS),
        migrations.RunSQL(TRIGGERS),
    ]
