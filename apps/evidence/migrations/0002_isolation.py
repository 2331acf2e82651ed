from django.db import migrations

from apps.core.migration_operations import append_only, tenant_table

MADE = "state, percent, claimed_at, made_at, facts, jws"
SAVED = "as_of, studies, images, patients, size_bytes, packs, copied_packs, verified_oldest_at, verified_newest_at, ends"


class Migration(migrations.Migration):
    dependencies = [("evidence", "0001_initial")]
    operations = [
        tenant_table("evidence_holdings", facility="SELECT", center=f"SELECT, INSERT, DELETE, UPDATE ({SAVED})"),
        tenant_table("evidence_checkpoint", facility="SELECT", center="SELECT, INSERT"),
        append_only("evidence_checkpoint"),
        tenant_table("evidence_report", facility="SELECT, INSERT", center=f"SELECT, INSERT, UPDATE ({MADE})"),
    ]
