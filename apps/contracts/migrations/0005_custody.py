"""What must be kept after a contract's last day is charged where that is agreed on: not by what was agreed before."""

from django.db import migrations, models

HELP = "what must be kept after the last day goes on being charged, at the price for storage"


def _field(*, default: bool) -> models.BooleanField:
    return models.BooleanField(default=default, help_text=HELP, verbose_name="custody is charged after the end")


class Migration(migrations.Migration):
    dependencies = [("contracts", "0004_returned")]
    operations = [
        migrations.AddField(model_name="contractversion", name="charges_custody", field=_field(default=False)),
        migrations.AlterField(model_name="contractversion", name="charges_custody", field=_field(default=True)),
    ]
