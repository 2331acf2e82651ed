"""That a study is kept until another day is a change of the catalog, too."""

from django.db import migrations

TRIGGERS = [
    "CREATE TRIGGER noted_insert AFTER INSERT ON retention_retention FOR EACH ROW"
    " WHEN (NEW.kept_until IS NOT NULL) EXECUTE FUNCTION catalog_study_concerned('period_changed')",
    "CREATE TRIGGER noted_update AFTER UPDATE ON retention_retention FOR EACH ROW"
    " WHEN (NEW.kept_until IS DISTINCT FROM OLD.kept_until)"
    " EXECUTE FUNCTION catalog_study_concerned('period_changed')",
]


class Migration(migrations.Migration):
    dependencies = [("retention", "0013_notice"), ("catalog", "0015_feed")]
    operations = [migrations.RunSQL(TRIGGERS)]
