"""What templates ask about bulk sends: `{% bulk_chip row looks %}` and those under way."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString

from sms.models.bulk import BulkSend, BulkSendQuerySet, BulkText
from tenants.templatetags.ui import chip

register = template.Library()


@register.simple_tag
def bulk_chip(row: BulkText, looks: dict[str, Any]) -> SafeString:
    """The status of one row, with the look of its count."""
    tone, icon = looks[row.standing]
    return chip(tone, icon, row.result)


@register.simple_tag
def unfinished_bulk_sends() -> BulkSendQuerySet:
    """The company's bulk sends that are running or paused."""
    return BulkSend.objects.unfinished().select_related("started_by")
