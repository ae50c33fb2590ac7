
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('invoices', '0002_email_retries'),
        ('payments', '0003_card_fingerprint'),
        ('tenants', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='payment',
            name='found_by_match',
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('invariant', models.PositiveSmallIntegerField()),
                ('words', models.CharField(max_length=300)),
                ('step', models.CharField(max_length=200)),
                ('found_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('invoice', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='invoices.invoice')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['invariant', 'id'],
            },
        ),
        migrations.CreateModel(
            name='MatchRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_day', models.DateField()),
                ('to_day', models.DateField()),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('finished_at', models.DateTimeField(null=True)),
                ('problem', models.CharField(blank=True, help_text='For people.', max_length=200)),
                ('started_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='MatchRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('bucket', models.CharField(choices=[('differs', 'Amount differs'), ('theirs', 'Theirs only'), ('ours', 'Ours only'), ('matched', 'Matched')], max_length=8)),
                ('cause', models.CharField(choices=[('same', 'Both sides agree'), ('booked', 'Found at CardConnect and booked'), ('checking', 'Outcome not known yet'), ('unknown_charge', 'A charge we have no record of'), ('ended', 'We hold it as not paid'), ('not_settled', 'Not settled by CardConnect'), ('amount', 'The amounts differ'), ('rejected', 'Settlement was rejected'), ('returned', 'Returned by the bank'), ('refund', 'A refund we have no record of')], max_length=16)),
                ('day', models.DateField(help_text='When CardConnect settled it, or when we booked it.')),
                ('orderid', models.CharField(blank=True, max_length=50)),
                ('retref', models.CharField(blank=True, max_length=14)),
                ('merchid', models.CharField(blank=True, max_length=16)),
                ('is_bank', models.BooleanField(default=False)),
                ('our_amount', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('their_amount', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('note', models.CharField(blank=True, help_text='What the gateway said.', max_length=200)),
                ('handled_at', models.DateTimeField(null=True)),
                ('invoice', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='invoices.invoice')),
                ('payment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='match_rows', to='payments.payment')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='payments.matchrun')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.AddConstraint(
            model_name='matchrun',
            constraint=models.UniqueConstraint(condition=models.Q(('finished_at__isnull', True)), fields=('tenant',), name='payments_matchrun_one_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='matchrow',
            index=models.Index(fields=['run', 'bucket', '-id'], name='payments_matchrow_bucket'),
        ),
    ]
