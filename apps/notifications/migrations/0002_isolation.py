"""A facility writes the outbox and reads what its own people are told; the center fans out, sends and forgets."""

from django.db import migrations

from apps.core.migration_operations import center_table, same_facility, tenant_table

ALL = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]
    operations = [
        tenant_table("notifications_notification", facility="SELECT, INSERT", center=ALL),
        tenant_table("notifications_entry", facility="SELECT, UPDATE", center=ALL),
        tenant_table("notifications_letter", facility="SELECT", center=ALL),
        tenant_table("notifications_webhook", facility="SELECT, INSERT, UPDATE", center=ALL),
        tenant_table("notifications_webhookdelivery", facility="SELECT, INSERT, UPDATE", center=ALL),
        same_facility("notifications_webhookdelivery", "webhook_id", "notifications_webhook"),
        # What a person chose holds in every facility and at the center.
        center_table("notifications_preference", facility=ALL, center=ALL),
        center_table("notifications_readinghours", facility=ALL, center=ALL),
    ]
