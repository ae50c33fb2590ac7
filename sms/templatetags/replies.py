"""What pages show of replies: the unread count in the menu, and whether numbers may be texted."""

from __future__ import annotations

from django import template

from customers.models import Customer
from sms.inbox.conversations import Number, numbers_of
from sms.models.inbound import InboundText

register = template.Library()


@register.simple_tag
def unread_texts() -> int:
    """How many texts nobody has opened."""
    return InboundText.objects.unread().count()


@register.filter
def numbers(customer: Customer) -> list[Number]:
    """The customer's numbers with their opt-outs and the newest text from each."""
    return numbers_of(customer)
