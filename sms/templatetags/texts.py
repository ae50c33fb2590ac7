"""What templates ask about texts: `{% why_not_text invoice as reason %}`."""

from __future__ import annotations

from typing import Any

from django import template

from invoices.models import Invoice
from sms.models import TextMessage
from sms.reasons import Reason
from sms.reasons import why_not_text as _why_not_text

register = template.Library()


@register.simple_tag(takes_context=True)
def why_not_text(context: dict[str, Any], invoice: Invoice) -> Reason | None:
    """Why the signed-in person cannot text this invoice now; None when they can."""
    return _why_not_text(invoice, context.get("membership"))


@register.filter
def newest_text(invoice: Invoice) -> TextMessage | None:
    """The text sent last; reads prefetched texts."""
    return max(invoice.text_messages.all(), key=lambda text: text.pk, default=None)


@register.filter
def was_texted(invoice: Invoice) -> bool:
    """Whether a text went out before, so that the next one is a resend."""
    return any(text.went_out for text in invoice.text_messages.all())
