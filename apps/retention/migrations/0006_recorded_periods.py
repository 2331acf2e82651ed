from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("retention", "0005_queue_isolation"), ("catalog", "0009_recorded_periods")]
    operations = [
        migrations.RunSQL([
            "DROP TRIGGER unassessed ON catalog_study",
            "CREATE TRIGGER unassessed AFTER INSERT OR UPDATE OF patient_id, study_date, modalities_in_study, body_parts,"
            " purposes, recorded_until, recorded_periods, updated_at ON catalog_study FOR EACH ROW"
            " EXECUTE FUNCTION retention_study_written()",
        ]),
    ]
