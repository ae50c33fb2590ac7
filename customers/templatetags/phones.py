"""Phone numbers in templates: `{{ contact.mobile|national }}`."""

from __future__ import annotations

from django import template

from customers import phones

register = template.Library()

register.filter("national", phones.national)
register.filter("international", phones.international)
register.filter("phone_kind", phones.kind)
register.filter("can_text", phones.can_text)
