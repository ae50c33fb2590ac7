"""Where an invoice stands, for templates: `{% standing invoice as now %}`."""

from __future__ import annotations

from django import template

from invoices import standing

register = template.Library()

register.simple_tag(standing.standing, name="standing")
register.filter("newest_text", standing.newest_text)
