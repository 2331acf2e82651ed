from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('facilities', '0008_restore_scope'),
    ]

    operations = [
        migrations.AddField(
            model_name='facility',
            name='language',
            field=models.CharField(default='en', help_text='of letters and documents', max_length=10, verbose_name='language'),
        ),
    ]
