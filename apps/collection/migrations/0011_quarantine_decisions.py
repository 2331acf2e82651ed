import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collection', '0010_by_reception'),
        ('facilities', '0009_language'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='collection',
            name='method',
            field=models.CharField(choices=[('push', 'Sent online'), ('media', 'Brought medium'), ('visit', "Operator's visit"), ('dicom', 'DICOM association'), ('pull', 'Fetched by the center'), ('reread', 'Read again by the center')], max_length=10, verbose_name='method'),
        ),
        migrations.AlterField(
            model_name='receptionrecord',
            name='method',
            field=models.CharField(choices=[('push', 'Sent online'), ('media', 'Brought medium'), ('visit', "Operator's visit"), ('dicom', 'DICOM association'), ('pull', 'Fetched by the center'), ('reread', 'Read again by the center')], max_length=10, verbose_name='method'),
        ),
        migrations.CreateModel(
            name='QuarantineDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('act', models.CharField(choices=[('filed', 'Read again and filed'), ('set_aside', 'Set aside')], max_length=10, verbose_name='decision')),
                ('basis', models.CharField(blank=True, choices=[('no_image', 'It holds no image'), ('sent_again', 'The facility sent the image again, undamaged'), ('facility_has_it', 'The facility has it back, or keeps it itself'), ('beyond_reading', 'It is damaged beyond reading, and no other copy exists')], max_length=20, verbose_name='basis')),
                ('reason', models.CharField(max_length=300, verbose_name='reason')),
                ('decided_at', models.DateTimeField(verbose_name='decided')),
                ('decided_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
                ('facility', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='facilities.facility', verbose_name='facility')),
                ('file_number', models.BigIntegerField(help_text='of a received file', verbose_name='file')),
                ('collection', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='quarantine_decisions', to='collection.collection', verbose_name='collection')),
                ('filed_by', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='collection.collection', verbose_name='filed by')),
            ],
            options={
                'verbose_name': 'quarantine decision',
                'verbose_name_plural': 'quarantine decisions',
                'constraints': [models.UniqueConstraint(fields=('facility', 'id'), name='quarantine_decision_of_facility'), models.UniqueConstraint(fields=('facility', 'file_number'), name='quarantined_file_decided_once'), models.CheckConstraint(condition=models.Q(models.Q(('act', 'filed'), ('basis', ''), ('filed_by__isnull', False)), models.Q(('act', 'set_aside'), ('basis__gt', ''), ('filed_by', None)), _connector='OR'), name='quarantine_decision_has_its_basis')],
            },
        ),
    ]
