from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tiers", "0002_isolation")]
    operations = [
        migrations.AddField(
            model_name="tier",
            name="in_languages",
            field=models.JSONField(default=dict, editable=False, verbose_name="in other languages"),
        )
    ]
