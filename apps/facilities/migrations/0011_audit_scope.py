import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('facilities', '0010_api_scopes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='devicetoken',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('images:store', 'Store images'), ('images:read', 'Search and read images'), ('collections:handover', 'Hand over sealed collections, fetch their receipts'), ('terminal:report', 'Report capacity, ask for collection'), ('images:restore', 'Fetch what was ordered to come back'), ('care:report', 'Report visits, discharges and other events of care'), ('periods:decide', 'Keep studies longer, hold them, let them be deleted once their period has ended'), ('collections:read', 'Follow terminals, collections and receipts'), ('collections:request', 'Ask for collections, withdraw requests'), ('billing:read', 'Read invoices, plan and contract'), ('orders:read', 'Follow output orders, fetch what they gave out'), ('orders:place', 'Quote, request and cancel output orders, make share links'), ('audit:read', 'Read who saw images, fetch signed heads of the record, ask for evidence reports')], max_length=32), size=None, verbose_name='scopes'),
        ),
    ]
