"""Where an invoice stands, for templates: `{% standing invoice as now %}`."""

from __future__ import annotations

from django import template

from textpay.pages.standing import standing

register = template.Library()

register.simple_tag(standing, name="standing")
