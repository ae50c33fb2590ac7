"""The tables of 0.1.0 in one step: a new database is made in seconds."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import payments.models.payment
import payments.models.refund
import uuid
from decimal import Decimal
from django.conf import settings
from importlib import import_module
from django.db import migrations, models


append_only = import_module('payments.migrations.0002_authorization_append_only')


class Migration(migrations.Migration):

    replaces = [
        ('payments', '0001_initial'),
        ('payments', '0002_authorization_append_only'),
        ('payments', '0003_card_fingerprint'),
        ('payments', '0004_match'),
        ('payments', '0005_life_and_refunds'),
        ('payments', '0006_adds_fee'),
        ('payments', '0007_surcharge'),
        ('payments', '0008_asked_again'),
        ('payments', '0009_match_rows_wait'),
        ('payments', '0010_money_check'),
    ]

    initial = True

    dependencies = [
        ('audit', '0002_append_only'),
        ('invoices', '0003_opened_and_promised'),
        ('tenants', '0005_texting_permissions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
                'constraints': [models.UniqueConstraint(condition=models.Q(('finished_at__isnull', True)), fields=('tenant',), name='payments_matchrun_one_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='MoneyCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('checked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('unanswered', models.PositiveIntegerField(default=0)),
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('refunded', models.DecimalField(decimal_places=2, default=Decimal('0.00'), editable=False, max_digits=12)),
                ('settled_at', models.DateTimeField(editable=False, null=True, verbose_name='settled or cleared')),
                ('reversed_at', models.DateTimeField(editable=False, null=True, verbose_name='voided or returned')),
                ('return_code', models.CharField(blank=True, editable=False, max_length=5)),
                ('next_look_at', models.DateTimeField(editable=False, null=True)),
                ('document', models.CharField(blank=True, max_length=40, verbose_name='check number or note')),
                ('received_on', models.DateField(null=True)),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('key', models.UUIDField(help_text='From the form, so that a double click pays once.')),
                ('method', models.CharField(choices=[('card', 'Card'), ('ach', 'Bank account (ACH)'), ('cash', 'Cash'), ('check', 'Check')], max_length=5)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12)),
                ('fee', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=12, verbose_name='surcharge')),
                ('status', models.CharField(choices=[('pending', 'Being charged'), ('unknown', 'Checking with CardConnect'), ('captured', 'Paid'), ('settled', 'Paid, settled'), ('started', 'Bank payment started'), ('cleared', 'Bank payment cleared'), ('refunded', 'Refunded'), ('voided', 'Voided'), ('returned', 'Bank payment returned'), ('rejected', 'Rejected at settlement'), ('declined', 'Declined'), ('not_charged', 'Not charged'), ('needs_attention', 'Needs attention')], default='pending', editable=False, max_length=16)),
                ('site', models.CharField(blank=True, max_length=40)),
                ('merchid', models.CharField(blank=True, max_length=16)),
                ('orderid', models.CharField(default=payments.models.payment.new_orderid, editable=False, max_length=19)),
                ('retref', models.CharField(blank=True, max_length=14)),
                ('authcode', models.CharField(blank=True, max_length=16)),
                ('respproc', models.CharField(blank=True, max_length=4)),
                ('respcode', models.CharField(blank=True, max_length=4)),
                ('resptext', models.CharField(blank=True, max_length=128)),
                ('reason', models.CharField(blank=True, help_text='For people.', max_length=200)),
                ('brand', models.CharField(blank=True, max_length=20)),
                ('last4', models.CharField(blank=True, max_length=4)),
                ('fingerprint', models.CharField(blank=True, max_length=32)),
                ('may_retry', models.BooleanField(default=True)),
                ('payer_name', models.CharField(blank=True, max_length=80)),
                ('found_by_match', models.BooleanField(default=False, editable=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('sent_at', models.DateTimeField(null=True)),
                ('resolved_at', models.DateTimeField(null=True)),
                ('inquiries', models.PositiveSmallIntegerField(default=0)),
                ('next_inquiry_at', models.DateTimeField(null=True)),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='invoices.invoice')),
                ('link', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='invoices.paymentlink')),
                ('recorded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('status__in', ['pending', 'unknown', 'needs_attention'])), fields=['next_inquiry_at'], name='payments_payment_to_ask'), models.Index(condition=models.Q(('status__in', ['captured', 'started'])), fields=['next_look_at'], name='payments_payment_on_the_way')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='payments_payment_amount'), models.CheckConstraint(condition=models.Q(('fee__gte', 0)), name='payments_payment_fee'), models.CheckConstraint(condition=models.Q(('refunded__gte', 0), ('refunded__lte', models.F('amount'))), name='payments_payment_refunded'), models.UniqueConstraint(condition=models.Q(('status__in', ['pending', 'unknown', 'needs_attention'])), fields=('invoice',), name='payments_payment_one_in_flight'), models.UniqueConstraint(fields=('link', 'key'), name='payments_payment_key'), models.UniqueConstraint(condition=models.Q(('link__isnull', True)), fields=('invoice', 'key'), name='payments_payment_key_by_hand'), models.UniqueConstraint(fields=('merchid', 'orderid'), name='payments_payment_orderid'), models.UniqueConstraint(condition=models.Q(models.Q(('retref', ''), _negated=True), ('status__in', ['captured', 'settled', 'started', 'cleared', 'refunded', 'voided', 'rejected', 'returned'])), fields=('merchid', 'retref'), name='payments_payment_retref')],
            },
        ),
        migrations.CreateModel(
            name='MatchRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('bucket', models.CharField(choices=[('differs', 'Amount differs'), ('theirs', 'Theirs only'), ('ours', 'Ours only'), ('matched', 'Matched')], max_length=8)),
                ('cause', models.CharField(choices=[('same', 'Both sides agree'), ('booked', 'Found at CardConnect and booked'), ('checking', 'Outcome not known yet'), ('unknown_charge', 'A charge we have no record of'), ('ended', 'We hold it as not paid'), ('not_settled', 'Not settled by CardConnect'), ('not_paid_out', 'Settled, not paid out yet'), ('amount', 'The amounts differ'), ('rejected', 'Settlement was rejected'), ('returned', 'Returned by the bank'), ('refund', 'A refund we have no record of'), ('refund_open', 'Outcome of a refund not known yet'), ('refund_ended', 'We hold the refund as not given back'), ('refund_back', 'A refund came back from the bank')], max_length=16)),
                ('day', models.DateField(help_text='When CardConnect settled it, or when we booked it.')),
                ('orderid', models.CharField(blank=True, max_length=50)),
                ('retref', models.CharField(blank=True, max_length=14)),
                ('merchid', models.CharField(blank=True, max_length=16)),
                ('is_bank', models.BooleanField(default=False)),
                ('our_amount', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('their_amount', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('paid_out', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('note', models.CharField(blank=True, help_text='What the gateway said.', max_length=200)),
                ('handled_at', models.DateTimeField(null=True)),
                ('superseded', models.BooleanField(default=False, help_text='A later match found out more.')),
                ('invoice', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='invoices.invoice')),
                ('seen_by', models.ForeignKey(help_text='Who put it away.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='payments.matchrun')),
                ('payment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='match_rows', to='payments.payment')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['run', 'bucket', '-id'], name='payments_matchrow_bucket'), models.Index(condition=models.Q(models.Q(('bucket', 'matched'), _negated=True), ('handled_at__isnull', True), ('superseded', False)), fields=['tenant', 'bucket', '-id'], name='payments_matchrow_waiting')],
            },
        ),
        migrations.CreateModel(
            name='Authorization',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('version', models.CharField(max_length=20)),
                ('sha256', models.CharField(editable=False, max_length=64)),
                ('language', models.CharField(default='en', max_length=5)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12)),
                ('payer_name', models.CharField(blank=True, max_length=80)),
                ('agreed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('zone', models.CharField(max_length=64, verbose_name='time zone')),
                ('ip', models.GenericIPAddressField(null=True)),
                ('user_agent', models.CharField(blank=True, max_length=300)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('payment', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='authorization', to='payments.payment')),
            ],
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('key', models.UUIDField(help_text='From the form, so that a double click refunds once.')),
                ('kind', models.CharField(choices=[('void', 'Void'), ('refund', 'Refund')], max_length=6)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12)),
                ('fee', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=12, verbose_name='surcharge')),
                ('reason', models.CharField(max_length=120)),
                ('status', models.CharField(choices=[('requested', 'Waits for a second person'), ('pending', 'Being sent'), ('unknown', 'Checking with CardConnect'), ('done', 'Given back'), ('declined', 'Not given back'), ('cancelled', 'Not released'), ('needs_attention', 'Needs attention'), ('returned', 'Came back from the bank'), ('repaid', 'Given back another way')], editable=False, max_length=16)),
                ('orderid', models.CharField(default=payments.models.refund.new_orderid, editable=False, max_length=19, unique=True)),
                ('retref', models.CharField(blank=True, max_length=14)),
                ('respproc', models.CharField(blank=True, max_length=4)),
                ('respcode', models.CharField(blank=True, max_length=4)),
                ('resptext', models.CharField(blank=True, max_length=128)),
                ('outcome', models.CharField(blank=True, help_text='For people.', max_length=200)),
                ('requested_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('claimed_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('resolved_at', models.DateTimeField(null=True)),
                ('inquiries', models.PositiveSmallIntegerField(default=0)),
                ('next_inquiry_at', models.DateTimeField(null=True)),
                ('receipt_to', models.EmailField(blank=True, max_length=254)),
                ('receipt_due_at', models.DateTimeField(null=True)),
                ('payment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='payments.payment')),
                ('released_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('status__in', ['pending', 'unknown', 'needs_attention'])), fields=['next_inquiry_at'], name='payments_refund_to_ask'), models.Index(condition=models.Q(('receipt_due_at__isnull', False)), fields=['receipt_due_at'], name='payments_refund_receipt')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='payments_refund_amount'), models.CheckConstraint(condition=models.Q(('fee__gte', 0)), name='payments_refund_fee'), models.UniqueConstraint(condition=models.Q(('status__in', ['requested', 'pending', 'unknown', 'needs_attention'])), fields=('payment',), name='payments_refund_one_open'), models.UniqueConstraint(fields=('payment', 'key'), name='payments_refund_key'), models.CheckConstraint(condition=models.Q(('released_by__isnull', True), models.Q(('released_by', models.F('requested_by')), _negated=True), _connector='OR'), name='payments_refund_two_people')],
            },
        ),
        migrations.CreateModel(
            name='CardConnectAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('site', models.CharField(default='fts', help_text="The first part of the gateway's host name: fts, fts-uat, boltgw…", max_length=40, validators=[django.core.validators.RegexValidator('^[a-z0-9-]+$', 'Lower-case letters, digits and hyphens.')])),
                ('merchid', models.CharField(max_length=16, validators=[django.core.validators.RegexValidator('^\\d{1,16}$', 'Up to 16 digits.')], verbose_name='merchant ID')),
                ('username', models.CharField(max_length=60)),
                ('password_sealed', models.TextField(default='', editable=False)),
                ('ach_enabled', models.BooleanField(default=False, verbose_name='bank payments (ACH)')),
                ('adds_fee', models.BooleanField(default=False, editable=False, verbose_name='adds a card fee')),
                ('fee_type', models.CharField(blank=True, editable=False, max_length=1)),
                ('fee_format', models.CharField(blank=True, editable=False, max_length=10)),
                ('fee_value', models.DecimalField(decimal_places=4, default=Decimal('0'), editable=False, max_digits=10)),
                ('funding_read_to', models.DateField(editable=False, null=True)),
                ('next_funding_at', models.DateTimeField(editable=False, null=True)),
                ('checked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='cardconnect', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'CardConnect account',
                'constraints': [models.UniqueConstraint(fields=('site', 'merchid'), name='payments_account_merchid')],
            },
        ),
        migrations.RunPython(append_only.forwards, append_only.backwards),
    ]
