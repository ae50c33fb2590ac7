"""The status of an invoice in words: `{% status_summary invoice as now %}`."""

from __future__ import annotations

from django import template

from textpay.pages.status_summary import status_summary

register = template.Library()

register.simple_tag(status_summary, name="status_summary")
