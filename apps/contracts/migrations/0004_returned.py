from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contracts", "0003_approval"),
    ]

    operations = [
        migrations.AddField(
            model_name="contract",
            name="returned_at",
            field=models.DateTimeField(
                help_text="the facility confirmed that it has all of its images back",
                null=True,
                verbose_name="everything returned",
            ),
        ),
    ]
