import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('facilities', '0006_care_scope'),
        ('orders', '0004_isolation_of_addresses'),
    ]

    operations = [
        migrations.CreateModel(
            name='OrderPassword',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sealed', models.BinaryField(editable=False, max_length=1024, null=True)),
                ('erased_at', models.DateTimeField(null=True, verbose_name='erased')),
                ('facility', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='facilities.facility', verbose_name='facility')),
                ('order', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='passwords', to='orders.order')),
            ],
            options={
                'verbose_name': 'password of an order',
                'verbose_name_plural': 'passwords of orders',
                'indexes': [models.Index(condition=models.Q(('erased_at', None)), fields=['id'], name='password_kept')],
                'constraints': [models.UniqueConstraint(fields=('facility', 'order'), name='password_of_order')],
            },
        ),
    ]
