"""Extensions by when they were made, for billing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retention", "0008_contracts")]
    operations = [
        migrations.AddIndex("extension", models.Index(fields=["facility", "extended_at"], name="extension_by_time"))
    ]
