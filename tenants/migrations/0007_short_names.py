"""Short names become addresses: valid ones, none that other addresses need, each kept for ever."""

import re

import django.db.models.deletion
from django.db import migrations, models

import tenants.short_names
from tenants.short_names import RESERVED


def keep_short_names(apps, schema_editor):
    """Rename what cannot begin an address, and note the short names of all companies."""
    Tenant = apps.get_model("tenants", "Tenant")
    ShortName = apps.get_model("tenants", "ShortName")
    taken = set(Tenant.objects.values_list("slug", flat=True))
    for tenant in Tenant.objects.order_by("pk").iterator():
        base = re.sub(r"^[-_]+", "", tenant.slug.lower()) or "company"
        name, number = base, 1
        while name in RESERVED or (name != tenant.slug and name in taken):
            number += 1
            name = f"{base[:44]}-{number}"
        if name != tenant.slug:
            taken.add(name)
            Tenant.objects.filter(pk=tenant.pk).update(slug=name)
        ShortName.objects.create(name=name, tenant=tenant)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0006_words_on_screen")]

    operations = [
        migrations.CreateModel(
            name="ShortName",
            fields=[
                (
                    "name",
                    models.SlugField(
                        primary_key=True, serialize=False, verbose_name="short name"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="short_names",
                        to="tenants.tenant",
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="tenant",
            name="slug",
            field=models.SlugField(
                help_text="Begins the address of each of the company's pages. Old links keep "
                "working after a change.",
                unique=True,
                validators=[tenants.short_names.validate_short_name],
                verbose_name="short name",
            ),
        ),
        migrations.RunPython(keep_short_names, migrations.RunPython.noop),
    ]
