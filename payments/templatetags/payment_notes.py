"""`{{ payment|note }}`: what staff read below its status."""

from django import template

from payments.staff.notes import note

register = template.Library()
register.filter(note)
