"""Addresses that do not lie in the open company; `{% url %}` gives those that do."""

from django import template

from tenants import addresses

register = template.Library()
register.simple_tag(addresses.site_path, name="site_url")
register.simple_tag(addresses.company_path, name="company_url")
