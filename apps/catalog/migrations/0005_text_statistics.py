from django.db import migrations

# Texts are compared whatever their case; without these the planner takes every such condition for a rare one.
TEXTS = {
    "catalog_series": ["series_description", "body_part_examined", "protocol_name", "manufacturer", "station_name"],
    "catalog_study": ["study_id", "study_description", "institution_name"],
}


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_search_isolation")]
    operations = [
        migrations.RunSQL(
            f"CREATE STATISTICS {table}_{column}_ignoring_case ON upper({column}) FROM {table}",
            reverse_sql=f"DROP STATISTICS {table}_{column}_ignoring_case",
        )
        for table, columns in TEXTS.items()
        for column in columns
    ]
