"""What was counted for a quote is told by the newest image; of quotes from before, whatever there is counts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0013_printers_with_tls")]
    operations = [
        migrations.AddField(
            model_name="order",
            name="newest_counted",
            field=models.BigIntegerField(
                default=2**63 - 1, editable=False, help_text="highest id of the images that were counted"
            ),
            preserve_default=False,
        ),
    ]
