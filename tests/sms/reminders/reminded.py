"""Invoices texted on November 20, and schedules for them."""

import datetime as dt
import uuid
from zoneinfo import ZoneInfo

from sms.models import ReminderStep, TextRules
from tests.factories import make_invoice, make_text
from textpay.demo.clock import on

NEW_YORK = ZoneInfo("America/New_York")
WORDS = {"words_en": "{amount} for {invoice}.", "words_es": "{amount}, {invoice}."}
SENT = dt.date(2026, 11, 20)  # a Friday
DUE = dt.date(2026, 12, 20)


def moment(day, hour=10, minute=5, zone=NEW_YORK):
    return dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)


def later(days, hour=10, minute=5):
    """So many days after the invoice was texted, at an hour of the company's day."""
    return moment(SENT + dt.timedelta(days=days), hour, minute)


def november_invoice(customer):
    """An open invoice that is texted on the day it is written, and due on December 20."""
    return make_invoice(customer=customer, issued_on=SENT, due_on=DUE)


def add_step(tenant, when, days, **fields):
    """One step of a company that sends reminders."""
    TextRules.objects.update_or_create(tenant=tenant, defaults={"reminds": True})
    return ReminderStep.objects.create(tenant=tenant, when=when, days=days, **{**WORDS, **fields})


def texted(invoice, clerk, at=None, **fields):
    """The invoice, texted and delivered."""
    with on(at or later(0)):
        invoice.refresh_from_db()
        last = invoice.text_messages.first()
        seen = {"seen": str(last.public_id), "confirmed": True} if last else {}
        message = make_text(invoice, clerk, **seen, **fields)
        message.claim()
        message.mark_sent(f"SM{uuid.uuid4().hex}")
        message.mark_delivered()
    return invoice
