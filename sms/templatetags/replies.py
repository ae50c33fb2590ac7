"""Replies for templates: the unread count, and the numbers of a customer."""

from __future__ import annotations

from django import template

from customers.models import Customer
from sms.inbox.conversations import Number, numbers_of
from sms.models.inbound import InboundText

register = template.Library()


@register.simple_tag
def unread_texts() -> int:
    """The number of unread texts."""
    return InboundText.objects.unread().count()


@register.filter
def numbers(customer: Customer) -> list[Number]:
    """The customer's numbers with their opt-outs and newest inbound texts."""
    return numbers_of(customer)
