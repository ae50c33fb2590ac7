"""Limits on texting one invoice again: a pause after each text, and a number per week."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from django.db.models import BooleanField, ExpressionWrapper, Q

from audit import clock
from invoices.models import Invoice, PaymentLink
from sms.models.text import IN_FLIGHT, TextMessage

PAUSE = dt.timedelta(minutes=10)
WEEK = dt.timedelta(days=7)
MOST = 3
CODES = ("too_soon", "too_often")


class Sent(NamedTuple):
    """A text that went out, may have gone out, or is in flight: its moment and its number."""

    at: dt.datetime
    to: str
    is_in_flight: bool = False
    # It did not arrive, or staff expired its link, so the customer has nothing to pay with.
    in_vain: bool = False


class Limit(NamedTuple):
    """A limit that is reached, and when it ends."""

    code: str
    until: dt.datetime
    sentence: str


def reached(texts: Collection[Sent], now: dt.datetime) -> Limit | None:
    """The limit that these texts have reached, or None.

    All of them count for the week. A text in vain needs no pause after it.
    """
    week = sorted(text.at for text in texts if text.at > now - WEEK)
    if len(week) >= MOST:
        words = f"It was texted {len(week)} times in 7 days. The limit is {MOST}."
        return Limit("too_often", week[-MOST] + WEEK, words)
    last = max((text.at for text in texts if not text.in_vain), default=None)
    if last is not None and last > now - PAUSE:
        return Limit("too_soon", last + PAUSE, "It was texted less than 10 minutes ago.")
    return None


def sent_lately(invoices: Collection[Invoice], now: dt.datetime) -> dict[int, list[Sent]]:
    """The texts of the last week by invoice, oldest first.

    Texts that certainly did not go out do not count, and neither do reminders, which their schedule
    limits.
    """
    ahead = clock.ahead()
    in_vain = Q(status=TextMessage.Status.UNDELIVERED, error_code__isnull=False)
    in_vain |= Q(link__status=PaymentLink.Status.DISABLED)
    not_sent = Q(status__in=[TextMessage.Status.FAILED, TextMessage.Status.CANCELLED])
    rows = (
        TextMessage.objects.filter(
            invoice__in=invoices, kind=TextMessage.Kind.INVOICE, queued_at__gt=now - 2 * WEEK
        )
        .exclude(not_sent & Q(sent_at=None))
        .annotate(in_vain=ExpressionWrapper(in_vain, BooleanField()))
        .values_list("invoice_id", "sent_at", "not_before", "queued_at", "to", "status", "in_vain")
    )
    found: dict[int, list[Sent]] = defaultdict(list)
    for invoice, sent_at, not_before, queued_at, to, status, vain in rows:
        at = sent_at + ahead if sent_at else not_before or queued_at + ahead
        if invoice is not None and at > now - WEEK:
            found[invoice].append(Sent(at, to, status in IN_FLIGHT, vain))
    return {invoice: sorted(texts) for invoice, texts in found.items()}
