from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collection', '0015_stopped_uploads'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='quarantinedecision',
            name='quarantined_file_decided_once',
        ),
        migrations.RemoveConstraint(
            model_name='quarantinedecision',
            name='quarantine_decision_has_its_basis',
        ),
        migrations.AddField(
            model_name='quarantinedecision',
            name='review_on',
            field=models.DateField(null=True, verbose_name='to be decided on again'),
        ),
        migrations.AddField(
            model_name='quarantinedecision',
            name='round',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name='quarantinedecision',
            constraint=models.UniqueConstraint(fields=('facility', 'file_number', 'round'), name='quarantined_file_decided_once'),
        ),
        migrations.AddConstraint(
            model_name='quarantinedecision',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('act__in', ['filed', 'by_hand']), ('basis', ''), ('filed_by__isnull', False), ('review_on', None)), models.Q(('act', 'set_aside'), ('basis__gt', ''), ('filed_by', None)), _connector='OR'), name='quarantine_decision_has_its_basis'),
        ),
    ]
