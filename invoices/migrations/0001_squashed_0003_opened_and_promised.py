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
        ('invoices', '0001_initial'),
        ('invoices', '0002_email_retries'),
        ('invoices', '0003_opened_and_promised'),
    ]

    initial = True

    dependencies = [
        ('customers', '0002_reminders_paused'),
        ('tenants', '0005_texting_permissions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('number', models.CharField(max_length=12)),
                ('description', models.CharField(blank=True, max_length=80)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('open', 'Open'), ('pending', 'Bank payment started'), ('paid', 'Paid'), ('void', 'Void')], default='draft', editable=False, max_length=8)),
                ('issued_on', models.DateField()),
                ('due_on', models.DateField()),
                ('promised_on', models.DateField(blank=True, null=True)),
                ('tax', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=12, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))])),
                ('total', models.DecimalField(decimal_places=2, default=Decimal('0.00'), editable=False, max_digits=12)),
                ('paid', models.DecimalField(decimal_places=2, default=Decimal('0.00'), editable=False, max_digits=12)),
                ('paid_at', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='customers.customer')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-issued_on', '-id'],
                'indexes': [models.Index(fields=['tenant', '-issued_on', '-id'], name='invoices_invoice_list'), models.Index(fields=['tenant', 'status', '-issued_on', '-id'], name='invoices_invoice_by_status')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'number'), name='invoices_invoice_number'), models.CheckConstraint(condition=models.Q(('total__gte', 0)), name='invoices_invoice_total'), models.CheckConstraint(condition=models.Q(('paid__gte', 0)), name='invoices_invoice_paid'), models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'open', 'pending', 'paid', 'void'])), name='invoices_invoice_status')],
            },
        ),
        migrations.CreateModel(
            name='LineItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('description', models.CharField(max_length=120)),
                ('quantity', models.DecimalField(decimal_places=2, default=Decimal('1.00'), max_digits=9, validators=[django.core.validators.MinValueValidator(Decimal('0.01'))])),
                ('unit_price', models.DecimalField(decimal_places=2, max_digits=11, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))])),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='invoices.invoice')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['position', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('quantity__gt', 0)), name='invoices_lineitem_quantity'), models.CheckConstraint(condition=models.Q(('unit_price__gte', 0)), name='invoices_lineitem_price')],
            },
        ),
        migrations.CreateModel(
            name='PaymentLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('live', 'Live'), ('expired', 'Link expired'), ('disabled', 'Link expired'), ('superseded', 'Replaced by a newer link'), ('closed', 'Closed')], default='live', editable=False, max_length=10)),
                ('nonce', models.BinaryField(max_length=16)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('hint', models.CharField(max_length=6)),
                ('issued_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('opened_at', models.DateTimeField(null=True)),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='links', to='invoices.invoice')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('status', 'live')), fields=['expires_at'], name='invoices_link_due')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'live')), fields=('invoice',), name='invoices_link_one_live')],
            },
        ),
        migrations.CreateModel(
            name='InvoiceEmail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(help_text='From the form, so that a double click e-mails once.')),
                ('to', models.EmailField(max_length=254)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('sending', 'Sending'), ('sent', 'Sent'), ('failed', 'Failed')], default='queued', editable=False, max_length=8)),
                ('error', models.CharField(blank=True, max_length=200)),
                ('queued_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('claimed_at', models.DateTimeField(null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_try_at', models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='emails', to='invoices.invoice')),
                ('sent_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('link', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='emails', to='invoices.paymentlink')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('next_try_at__isnull', False)), fields=['next_try_at'], name='invoices_email_unsettled')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'key'), name='invoices_email_key')],
            },
        ),
    ]
