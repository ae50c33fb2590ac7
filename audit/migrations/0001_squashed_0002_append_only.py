"""The tables of 0.1.0 in one step: a new database is made in seconds."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from importlib import import_module
from django.db import migrations, models


append_only = import_module('audit.migrations.0002_append_only')


class Migration(migrations.Migration):

    replaces = [
        ('audit', '0001_initial'),
        ('audit', '0002_append_only'),
    ]

    initial = True

    dependencies = [
        ('tenants', '0005_texting_permissions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(max_length=40)),
                ('action', models.CharField(max_length=40)),
                ('actor_label', models.CharField(blank=True, max_length=60)),
                ('data', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('actor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['tenant', 'subject', '-id'], name='audit_entry_history')],
            },
        ),
        migrations.RunPython(append_only.forwards, append_only.backwards),
    ]
