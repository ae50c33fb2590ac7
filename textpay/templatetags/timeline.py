"""How an audit entry is shown: its icon and, under **More Details**, its facts."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django import template

from audit.models import AuditEntry

register = template.Library()

ICONS = {
    "text.queued": "clock",
    "text.sending": "send",
    "text.sent": "send",
    "text.delivered": "sent",
    "text.undelivered": "stop",
    "text.failed": "stop",
    "text.opened": "eye",
    "number.opted_out": "stop",
    "link.opened": "eye",
    "link.issued": "link",
    "link.expired": "unlink",
    "link.disabled": "unlink",
    "link.superseded": "again",
    "link.closed": "lock",
    "email.failed": "stop",
    "invoice.edited": "pen",
    "invoice.paid": "check",
    "invoice.void": "stop",
    "payment.captured": "card",
    "payment.settled": "check",
    "payment.cleared": "check",
    "payment.returned": "alert",
    "payment.rejected": "alert",
    "payment.voided": "stop",
    "refund.declined": "stop",
    "refund.needs_attention": "alert",
    "refund.receipt_given_up": "alert",
    "refund.unknown": "alert",
    "payment.started": "bank",
    "payment.declined": "stop",
    "payment.unknown": "alert",
    "payment.needs_attention": "alert",
    "tenant.credentials_lost": "alert",
}
FLOORS = {
    "invoice": "bill",
    "link": "link",
    "text": "text",
    "email": "mail",
    "letter": "print",
    "payment": "pay",
    "refund": "again",
    "customer": "people",
    "contact": "people",
    "tenant": "tune",
    "number": "text",
    "reminder": "clock",
}
# The keys of an entry's data that are shown, in this order; all others stay in the database.
FACTS = {
    "to": "Phone number",
    "sender": "Sender",
    "email": "Email",
    "address": "Address",
    "step": "Step",
    "promised_on": "Promised to pay on",
    "contact": "Contact",
    "old_total": "Total before",
    "new_total": "Total now",
    "amount": "Amount",
    "fee": "Surcharge",
    "charged": "Total charged",
    "account": "Paid with",
    "way": "Type",
    "received_on": "Received",
    "authcode": "Authorization code",
    "retref": "Gateway reference",
    "link": "Payment link",
    "expires_at": "Expires",
    "how": "How",
    "meaning": "Treated as",
    "said": "In their words",
    "reason": "Reason",
    "error": "Reason",
    "outcome": "Outcome",
    "fields": "Changed",
}
PHONES = {"to", "sender"}
AMOUNTS = {"old_total", "new_total", "amount", "fee", "charged"}


@register.filter
def entry_icon(entry: AuditEntry) -> str:
    """The icon beside it."""
    return ICONS.get(entry.action) or FLOORS.get(entry.action.split(".")[0], "info")


@register.filter
def facts(entry: AuditEntry) -> list[tuple[str, object, str]]:
    """Label, value and kind (phone, money, time, words) of what **More Details** shows."""
    shown = []
    for key, label in FACTS.items():
        value = entry.data.get(key)
        if value in (None, "", []):
            continue
        shown.append((label, *_read(key, value)))
    for label, (old, new) in entry.data.get("changes", {}).items():
        shown.append((label, f"{old or 'empty'} → {new or 'empty'}", "words"))
    return shown


def _read(key: str, value: object) -> tuple[object, str]:
    if key in PHONES and str(value).startswith("+"):
        return value, "phone"
    if key in AMOUNTS:
        return f"${Decimal(str(value)):,.2f}" if _is_number(value) else value, "words"
    if key == "expires_at":
        return dt.datetime.fromisoformat(str(value)), "time"
    if isinstance(value, list):
        return ", ".join(str(item).replace("_", " ") for item in value), "words"
    return value, "words"


def _is_number(value: object) -> bool:
    return str(value).replace(".", "", 1).isdigit()
