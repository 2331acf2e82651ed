from django.db import migrations

from apps.catalog.names import folded_name, name_parts
from apps.catalog.text import PersonName
from apps.core.migration_operations import same_facility, tenant_table


def index_names(apps, schema_editor):
    """The names of the patients there are already."""
    patients = apps.get_model("catalog", "Patient").objects.using(schema_editor.connection.alias)
    parts = apps.get_model("catalog", "NamePart").objects.using(schema_editor.connection.alias)
    for patient in patients.iterator():
        name = PersonName(patient.name_alphabetic, patient.name_ideographic, patient.name_phonetic)
        folded = folded_name(name)
        patients.filter(pk=patient.pk).update(folded_name=folded)
        parts.bulk_create(
            [parts.model(facility_id=patient.facility_id, patient=patient, part=part) for part in name_parts(folded)]
        )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_search")]
    operations = [
        # The owner of the tables sees no rows while row-level security is forced on it.
        migrations.RunSQL("ALTER TABLE catalog_patient NO FORCE ROW LEVEL SECURITY", migrations.RunSQL.noop),
        migrations.RunPython(index_names, migrations.RunPython.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RunSQL("ALTER TABLE catalog_patient FORCE ROW LEVEL SECURITY", migrations.RunSQL.noop),
        tenant_table("catalog_namepart", facility="SELECT, INSERT", center="SELECT"),
        same_facility("catalog_namepart", "patient_id", "catalog_patient"),
    ]
