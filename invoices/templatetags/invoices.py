"""Where an invoice stands, for templates: `{% standing invoice as now %}`."""

from __future__ import annotations

from django import template

from invoices import status_summary

register = template.Library()

register.simple_tag(status_summary.standing, name="standing")
register.filter("newest_text", status_summary.newest_text)
