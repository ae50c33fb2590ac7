"""Bulk sends for templates."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from sms.models.bulk import BulkSend, BulkSendQuerySet, BulkText
from tenants.templatetags.ui import chip

register = template.Library()


@register.simple_tag
def bulk_chip(row: BulkText, styles: dict[str, tuple[str, str]]) -> SafeString:
    """`{% bulk_chip row styles %}`: the result of one row, styled like the count of its state."""
    tone, icon = styles[row.state]
    return chip(tone, icon, row.result)


@register.simple_tag
def unfinished_bulk_sends() -> BulkSendQuerySet:
    """Running and paused bulk sends of the company."""
    return BulkSend.objects.unfinished().select_related("started_by")
