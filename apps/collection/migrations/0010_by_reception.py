"""Collections by when the center received them, for billing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("collection", "0009_retired_terminals")]
    operations = [
        migrations.AddIndex(
            "collection", models.Index(fields=["facility", "received_at"], name="collection_by_reception")
        )
    ]
