"""A report that nobody waits for any more is cancelled, also by its facility; one that fails says why."""

from django.db import migrations, models

GUARD = """
CREATE FUNCTION evidence_guards_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'medvault_facility' AND NOT (OLD.state IN ('requested', 'making') AND NEW.state = 'cancelled') THEN
        RAISE EXCEPTION 'A report cannot change so' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER guarded BEFORE UPDATE ON evidence_report FOR EACH ROW EXECUTE FUNCTION evidence_guards_report()
"""
STATES = [
    ("requested", "Waiting"),
    ("making", "Being made"),
    ("ready", "Ready"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
]


class Migration(migrations.Migration):
    dependencies = [("evidence", "0002_isolation")]
    operations = [
        migrations.AddField(
            model_name="report",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="attempts"),
        ),
        migrations.AddField(
            model_name="report",
            name="problem",
            field=models.CharField(blank=True, max_length=300, verbose_name="problem"),
        ),
        migrations.AlterField(
            model_name="report",
            name="state",
            field=models.CharField(choices=STATES, default="requested", max_length=10, verbose_name="state"),
        ),
        migrations.RunSQL(
            [
                "GRANT UPDATE (attempts, problem) ON evidence_report TO medvault_center",
                "GRANT UPDATE (state) ON evidence_report TO medvault_facility",
                GUARD,
            ]
        ),
    ]
