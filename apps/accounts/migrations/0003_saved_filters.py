import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.core.migration_operations import center_table


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_language_and_time_zone'),
    ]

    operations = [
        migrations.CreateModel(
            name='SavedFilter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('list_name', models.CharField(help_text="the list's address name", max_length=80)),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('query', models.CharField(blank=True, max_length=500)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_filters', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'saved filter',
                'verbose_name_plural': 'saved filters',
                'constraints': [models.UniqueConstraint(fields=('user', 'list_name', 'name'), name='filter_saved_once')],
            },
        ),
        center_table("accounts_savedfilter", center="SELECT, INSERT, UPDATE, DELETE"),
    ]
