import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0011_isolation_of_saved_searches'),
        ('facilities', '0009_language'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ImageAccess',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('study_instance_uid', models.CharField(max_length=64, verbose_name='Study Instance UID')),
                ('purpose', models.CharField(choices=[('conflict', 'To decide a conflict'), ('output', 'To check an output'), ('facility', 'The facility asked for help'), ('damage', 'To judge damage, or an image that is not shown'), ('authority', 'By order of an authority')], max_length=12, verbose_name='purpose')),
                ('reason', models.CharField(max_length=300, verbose_name='reason')),
                ('opened_at', models.DateTimeField(verbose_name='opened')),
                ('ends_at', models.DateTimeField(verbose_name='ends')),
                ('facility', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='facilities.facility', verbose_name='facility')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'access to images',
                'verbose_name_plural': 'accesses to images',
                'indexes': [models.Index(fields=['facility', 'study_instance_uid', 'person', '-ends_at'], name='image_access_of_study')],
                'constraints': [models.UniqueConstraint(fields=('facility', 'id'), name='image_access_of_facility')],
            },
        ),
        migrations.AddField(
            model_name='conflict',
            name='decision',
            field=models.CharField(blank=True, choices=[('stored', 'The stored file counts'), ('other', 'The other file counts: the facility is to send it under a UID of its own'), ('both', 'Both count, for different things'), ('same', 'Both show the same; only what accompanies it differs')], default='', max_length=8, verbose_name='decision'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='conflict',
            name='reason',
            field=models.CharField(blank=True, default='', max_length=300, verbose_name='reason'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='conflict',
            name='resolved_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='resolved by'),
        ),
        migrations.AddIndex(
            model_name='conflict',
            index=models.Index(condition=models.Q(('resolved_at', None)), fields=['id'], name='conflict_open'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(condition=models.Q(('release_asked_at__isnull', False), ('released_at', None)), fields=['id'], name='hold_to_be_released'),
        ),
    ]
