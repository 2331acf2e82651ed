import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0013_isolation_of_looks'),
        ('facilities', '0010_api_scopes'),
    ]

    operations = [
        migrations.CreateModel(
            name='StudyChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('study_instance_uid', models.CharField(max_length=64, verbose_name='Study Instance UID')),
                ('kind', models.CharField(choices=[('stored', 'Stored'), ('images_added', 'Images added'), ('period_changed', 'Kept until another day'), ('held', 'Held'), ('released', 'Released'), ('conflict', 'A conflict was raised or decided'), ('deleted', 'Deleted')], max_length=16, verbose_name='kind')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='time')),
                ('number', models.BigIntegerField(null=True, verbose_name='number')),
                ('facility', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='facilities.facility', verbose_name='facility')),
            ],
            options={
                'verbose_name': 'change',
                'verbose_name_plural': 'changes',
                'indexes': [models.Index(condition=models.Q(('number', None)), fields=['facility', 'id'], name='change_without_number')],
                'constraints': [models.UniqueConstraint(fields=('facility', 'number'), name='change_by_number')],
            },
        ),
    ]
