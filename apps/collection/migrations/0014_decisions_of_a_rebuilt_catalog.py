import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collection', '0013_filed_by_hand'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='quarantinedecision',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by'),
        ),
        migrations.AddConstraint(
            model_name='quarantinedecision',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by__isnull', False), ('filed_by__isnull', False), _connector='OR'), name='quarantine_decision_has_its_person'),
        ),
    ]
