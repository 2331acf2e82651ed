from django.db import migrations, models

from apps.core.migration_operations import center_table


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_isolation'),
    ]

    operations = [
        migrations.CreateModel(
            name='FailedTask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('task', models.CharField(max_length=120, verbose_name='task')),
                ('arguments', models.JSONField(default=dict, verbose_name='arguments')),
                ('is_repeatable', models.BooleanField(default=True, verbose_name='can be repeated')),
                ('error', models.CharField(max_length=120, verbose_name='error')),
                ('message', models.CharField(blank=True, max_length=300, verbose_name='message')),
                ('place', models.CharField(blank=True, max_length=160, verbose_name='raised in')),
                ('request_id', models.CharField(blank=True, max_length=64, verbose_name='last request ID')),
                ('times', models.PositiveIntegerField(default=1, verbose_name='times')),
                ('first_failed_at', models.DateTimeField(verbose_name='first failed')),
                ('last_failed_at', models.DateTimeField(verbose_name='last failed')),
                ('retried_at', models.DateTimeField(null=True, verbose_name='last repeated by staff')),
                ('resolved_at', models.DateTimeField(null=True, verbose_name='resolved')),
            ],
            options={
                'verbose_name': 'failed task',
                'verbose_name_plural': 'failed tasks',
                'constraints': [models.UniqueConstraint(condition=models.Q(('resolved_at', None)), fields=('task', 'arguments', 'error'), name='open_failure_of_a_kind')],
            },
        ),
        center_table("audit_failedtask", center="SELECT, INSERT, UPDATE, DELETE"),
    ]
