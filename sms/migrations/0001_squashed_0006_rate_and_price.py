"""The tables of 0.1.0 in one step: a new database is made in seconds."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import uuid
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('sms', '0001_initial'),
        ('sms', '0002_replies_reminders_and_bulk'),
        ('sms', '0003_what_was_asked'),
        ('sms', '0004_consent_noted_once'),
        ('sms', '0005_quiet_hours'),
        ('sms', '0006_rate_and_price'),
    ]

    initial = True

    dependencies = [
        ('customers', '0002_reminders_paused'),
        ('invoices', '0003_opened_and_promised'),
        ('tenants', '0005_texting_permissions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BulkSend',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('key', models.UUIDField(help_text='From the form, so that a double click starts one.')),
                ('status', models.CharField(choices=[('running', 'Running'), ('paused', 'Paused'), ('cancelled', 'Cancelled'), ('done', 'Done')], default='running', editable=False, max_length=9)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('finished_at', models.DateTimeField(null=True)),
                ('started_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'key'), name='sms_bulk_key')],
            },
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('source', models.CharField(choices=[('record', "On the customer's record"), ('typed', 'Typed when sending'), ('texted', 'They texted first'), ('start', 'They replied START'), ('written', 'Asked for by the customer')], max_length=7)),
                ('wording', models.CharField(max_length=300)),
                ('given_on', models.DateField(blank=True, help_text='For evidence that staff noted.', null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('recorded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name_plural': 'consents',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['tenant', 'digest'], name='sms_consent_number')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('source__in', ['record', 'typed', 'texted'])), fields=('tenant', 'digest'), name='sms_consent_noted_once')],
            },
        ),
        migrations.CreateModel(
            name='InboundText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('sid', models.CharField(max_length=34, unique=True, verbose_name='Twilio SID')),
                ('number', models.CharField(max_length=16, validators=[django.core.validators.RegexValidator('^\\+[1-9]\\d{6,14}$', 'Store phone numbers as E.164, such as +19785550142.')], verbose_name='from')),
                ('to', models.CharField(blank=True, max_length=16)),
                ('body', models.TextField(blank=True)),
                ('media', models.PositiveSmallIntegerField(default=0, verbose_name='pictures and files')),
                ('kind', models.CharField(choices=[('stop', 'Opted out'), ('start', 'Opted in again'), ('help', 'Asked for help'), ('refusal', 'Asked for no more texts'), ('unclear', 'May be a refusal'), ('message', 'Message')], max_length=8)),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('read_at', models.DateTimeField(blank=True, null=True)),
                ('reviewed_at', models.DateTimeField(blank=True, null=True)),
                ('customer', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='inbound_texts', to='customers.customer')),
                ('invoice', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='inbound_texts', to='invoices.invoice')),
                ('reviewed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['tenant', 'number', '-id'], name='sms_inbound_conversation'), models.Index(condition=models.Q(('read_at', None)), fields=['tenant'], name='sms_inbound_unread')],
            },
        ),
        migrations.CreateModel(
            name='NumberLookup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=16, validators=[django.core.validators.RegexValidator('^\\+[1-9]\\d{6,14}$', 'Store phone numbers as E.164, such as +19785550142.')])),
                ('line_type', models.CharField(blank=True, max_length=20)),
                ('carrier', models.CharField(blank=True, max_length=60)),
                ('looked_up_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'number'), name='sms_lookup_number')],
            },
        ),
        migrations.CreateModel(
            name='OptOut',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('hint', models.CharField(help_text="The number's last two digits.", max_length=2)),
                ('source', models.CharField(choices=[('reply', 'They replied STOP'), ('words', 'They asked in their own words'), ('staff', 'Recorded by staff'), ('twilio', 'Twilio said so')], max_length=6)),
                ('wording', models.CharField(blank=True, help_text='What they said.', max_length=200)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_wording', models.CharField(blank=True, max_length=200)),
                ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('recorded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('tenant', 'digest'), name='sms_opt_out_one_active')],
            },
        ),
        migrations.CreateModel(
            name='ReminderStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('when', models.CharField(choices=[('after_sending', 'days after the invoice was texted'), ('before_due', 'days before it is due'), ('after_due', 'days after it was due'), ('before_lapse', 'days before the link lapses')], max_length=13)),
                ('days', models.PositiveSmallIntegerField(validators=[django.core.validators.MaxValueValidator(60)])),
                ('words_en', models.CharField(max_length=80, verbose_name='words in English')),
                ('words_es', models.CharField(max_length=80, verbose_name='words in Spanish')),
                ('is_active', models.BooleanField(default=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['when', 'days'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_active', True)), fields=('tenant', 'when', 'days'), name='sms_reminder_step')],
            },
        ),
        migrations.CreateModel(
            name='TextMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('sending', 'Sending'), ('sent', 'Sent'), ('delivered', 'Delivered'), ('undelivered', 'Not delivered'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', editable=False, max_length=12)),
                ('sid', models.CharField(blank=True, max_length=34, verbose_name='Twilio SID')),
                ('sender', models.CharField(blank=True, max_length=34)),
                ('segments', models.PositiveSmallIntegerField(null=True)),
                ('price', models.DecimalField(decimal_places=5, max_digits=9, null=True)),
                ('price_unit', models.CharField(blank=True, max_length=3)),
                ('error_code', models.PositiveIntegerField(null=True)),
                ('error', models.CharField(blank=True, max_length=200)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('looks', models.PositiveSmallIntegerField(default=0)),
                ('not_before', models.DateTimeField(null=True)),
                ('turn_at', models.DateTimeField(null=True)),
                ('queued_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('next_try_at', models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ('claimed_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('kind', models.CharField(choices=[('invoice', 'Invoice SMS'), ('reminder', 'Reminder'), ('answer', 'Answer'), ('help', 'Answer to HELP')], default='invoice', max_length=8)),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('key', models.UUIDField()),
                ('to', models.CharField(max_length=16, validators=[django.core.validators.RegexValidator('^\\+[1-9]\\d{6,14}$', 'Store phone numbers as E.164, such as +19785550142.')])),
                ('language', models.CharField(default='en', max_length=2)),
                ('template', models.TextField()),
                ('asked', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('customer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='text_messages', to='customers.customer')),
                ('invoice', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='text_messages', to='invoices.invoice')),
                ('link', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='text_messages', to='invoices.paymentlink')),
                ('sent_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('next_try_at__isnull', False)), fields=['next_try_at'], name='sms_text_unsettled'), models.Index(fields=['tenant', 'to', '-id'], name='sms_text_conversation')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'key'), name='sms_text_key'), models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'sending'])), fields=('invoice',), name='sms_text_one_in_flight'), models.UniqueConstraint(condition=models.Q(('sid', ''), _negated=True), fields=('sid',), name='sms_text_sid'), models.CheckConstraint(condition=models.Q(('kind__in', ['answer', 'help']), models.Q(('asked__isnull', False), ('invoice__isnull', False), ('link__isnull', False)), _connector='OR'), name='sms_text_has_link')],
            },
        ),
        migrations.CreateModel(
            name='Reminder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('counted_from', models.DateField()),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('decided_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reminders', to='invoices.invoice')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('step', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sms.reminderstep')),
                ('message', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reminder', to='sms.textmessage')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('step', 'invoice', 'counted_from'), name='sms_reminder_once')],
            },
        ),
        migrations.CreateModel(
            name='BulkText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('outcome', models.CharField(choices=[('waiting', 'Waiting'), ('texted', 'Texted'), ('left_out', 'Left out'), ('cancelled', 'Cancelled')], default='waiting', max_length=9)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('bulk', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='sms.bulksend')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoices.invoice')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('message', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bulk_row', to='sms.textmessage')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(condition=models.Q(('outcome', 'waiting')), fields=['bulk', 'id'], name='sms_bulk_row_waiting')],
                'constraints': [models.UniqueConstraint(fields=('bulk', 'invoice'), name='sms_bulk_row_invoice')],
            },
        ),
        migrations.CreateModel(
            name='TextRules',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quiet_hours', models.BooleanField(default=True, verbose_name='text between 8 AM and 9 PM only')),
                ('outside_hours', models.CharField(choices=[('later', 'Send at the next allowed minute'), ('refuse', 'Do not send')], default='later', max_length=6, verbose_name='outside quiet hours')),
                ('strict_states', models.BooleanField(default=False, verbose_name='keep to the narrower hours that some states have for sales texts')),
                ('third_party_collector', models.BooleanField(default=False, verbose_name='collects debts for others')),
                ('looks_up_numbers', models.BooleanField(default=False, verbose_name='ask Twilio Lookup what kind of phone a number is')),
                ('reminds', models.BooleanField(default=False, verbose_name='send reminders')),
                ('emails_when_undelivered', models.BooleanField(default=False, verbose_name='e-mail the invoice when a text is not delivered')),
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='text_rules', to='tenants.tenant')),
            ],
            options={
                'verbose_name_plural': 'text rules',
                'constraints': [models.CheckConstraint(condition=models.Q(('third_party_collector', False), ('quiet_hours', True), _connector='OR'), name='sms_rules_collector_is_quiet')],
            },
        ),
        migrations.CreateModel(
            name='TwilioAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account_sid', models.CharField(max_length=34, validators=[django.core.validators.RegexValidator('^AC[0-9a-fA-F]{32}$', 'AC and 32 hexadecimal digits.')], verbose_name='account SID')),
                ('auth_token_sealed', models.TextField(default='', editable=False)),
                ('sender', models.CharField(blank=True, help_text='E.164 number that texts come from.', max_length=16, validators=[django.core.validators.RegexValidator('^\\+[1-9]\\d{6,14}$', 'Store phone numbers as E.164, such as +19785550142.')])),
                ('messaging_service_sid', models.CharField(blank=True, max_length=34, validators=[django.core.validators.RegexValidator('^MG[0-9a-fA-F]{32}$', 'MG and 32 hexadecimal digits.')], verbose_name='messaging service SID')),
                ('is_registered', models.BooleanField(default=False, help_text="The sender's brand and campaign (10DLC), or its toll-free verification, are approved. Without that, carriers drop texts and nothing is sent.", verbose_name='registered with the carriers')),
                ('texts_per_second', models.DecimalField(blank=True, decimal_places=2, default=Decimal('1.00'), help_text='As agreed with the carriers: long code 1, toll-free 3, short code 100. Empty: as fast as Twilio takes them.', max_digits=6, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.01'))])),
                ('webhook_key_sealed', models.TextField(blank=True, default='', editable=False)),
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='twilio', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'Twilio account',
                'constraints': [models.UniqueConstraint(condition=models.Q(('sender', ''), _negated=True), fields=('sender',), name='sms_twilio_sender'), models.UniqueConstraint(condition=models.Q(('messaging_service_sid', ''), _negated=True), fields=('messaging_service_sid',), name='sms_twilio_service'), models.CheckConstraint(condition=models.Q(models.Q(('sender', ''), _negated=True), models.Q(('messaging_service_sid', ''), _negated=True), _connector='OR'), name='sms_twilio_has_sender')],
            },
        ),
    ]
