"""The tables of 0.1.0 in one step: a new database is made in seconds."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import uuid
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('customers', '0001_initial'),
        ('customers', '0002_reminders_paused'),
    ]

    initial = True

    dependencies = [
        ('tenants', '0005_texting_permissions'),
    ]

    operations = [
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('number', models.CharField(max_length=20)),
                ('name', models.CharField(max_length=80)),
                ('street', models.CharField(blank=True, max_length=80)),
                ('city', models.CharField(blank=True, max_length=40)),
                ('region', models.CharField(blank=True, max_length=20, verbose_name='state')),
                ('postal', models.CharField(blank=True, max_length=10, verbose_name='ZIP code')),
                ('country', models.CharField(default='US', max_length=2)),
                ('note', models.TextField(blank=True)),
                ('reminders_paused', models.BooleanField(default=False, editable=False, verbose_name='no reminders')),
                ('balance', models.DecimalField(decimal_places=2, default=Decimal('0.00'), editable=False, max_digits=12)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['name', 'id'],
                'indexes': [models.Index(fields=['tenant', 'name', 'id'], name='customers_customer_list')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'number'), name='customers_customer_number')],
            },
        ),
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('role', models.CharField(blank=True, help_text='Owner, bookkeeper, tenant…', max_length=40)),
                ('email', models.EmailField(blank=True, max_length=254)),
                ('mobile', models.CharField(blank=True, max_length=16, validators=[django.core.validators.RegexValidator('^\\+[1-9]\\d{6,14}$', 'Store phone numbers as E.164, such as +19785550142.')])),
                ('phone', models.CharField(blank=True, max_length=16, validators=[django.core.validators.RegexValidator('^\\+[1-9]\\d{6,14}$', 'Store phone numbers as E.164, such as +19785550142.')], verbose_name='other phone')),
                ('language', models.CharField(choices=[('en', 'English'), ('es', 'Español')], default='en', max_length=2)),
                ('is_billing', models.BooleanField(default=False, verbose_name='billing contact')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='customers.customer')),
            ],
            options={
                'ordering': ['-is_billing', 'name', 'id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_billing', True)), fields=('customer',), name='customers_contact_one_billing')],
            },
        ),
    ]
