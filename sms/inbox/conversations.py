"""Conversations: the texts from and to one number, in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import TypedDict

from django.db.models import Count, Max, Q
from django.db.models.query import QuerySet

from customers.models import Customer, PhoneChoice
from sms.models import OptOut, TextMessage
from sms.models.inbound import InboundText
from tenants.models import Tenant

MOST = 100
SHOWN = {"unread": "Unread", "review": "To review"}


@dataclass(frozen=True)
class Line:
    """One text of a conversation, inbound or outbound."""

    at: dt.datetime
    theirs: InboundText | None = None
    ours: TextMessage | None = None


@dataclass(frozen=True)
class Conversation:
    """One number in the list of Messages."""

    newest: InboundText
    unread: int
    to_review: int
    opt_out: OptOut | None


class Counts(TypedDict):
    """One number's inbound texts: the key of the newest, and how many are open."""

    number: str
    newest: int
    unread: int
    to_review: int


def listed(words: str, show: str) -> QuerySet[InboundText, Counts]:
    """The numbers that texted the company, the newest text first, as rows for `with_texts`."""
    texts = InboundText.objects.matching(words) if words else InboundText.objects.all()
    unclear = Q(kind=InboundText.Kind.UNCLEAR, reviewed_at=None)
    rows = texts.values("number").annotate(
        newest=Max("pk"),
        unread=Count("pk", filter=Q(read_at=None)),
        to_review=Count("pk", filter=unclear),
    )
    if show in SHOWN:
        rows = rows.filter(**{{"review": "to_review"}.get(show, show) + "__gt": 0})
    return rows.order_by("-newest")


def with_texts(tenant: Tenant, rows: Iterable[Counts]) -> list[Conversation]:
    """Rows of `listed` with their newest texts and opt-outs, in two queries."""
    rows = list(rows)
    texts = InboundText.objects.select_related("customer").in_bulk([row["newest"] for row in rows])
    out = OptOut.objects.among(tenant, [row["number"] for row in rows])
    return [
        Conversation(
            newest=texts[row["newest"]],
            unread=row["unread"],
            to_review=row["to_review"],
            opt_out=out.get(row["number"]),
        )
        for row in rows
    ]


def lines(number: str) -> list[Line]:
    """The last texts from and to this number, the oldest first."""
    theirs = InboundText.objects.filter(number=number).select_related("reviewed_by")
    ours = TextMessage.objects.filter(to=number).select_related("sent_by", "link", "invoice")
    found = [
        *(Line(row.received_at, theirs=row) for row in theirs.order_by("-pk")[:MOST]),
        *(Line(row.sent_at or row.queued_at, ours=row) for row in ours.order_by("-pk")[:MOST]),
    ]
    return sorted(found, key=attrgetter("at"))[-MOST:]


@dataclass(frozen=True)
class Number:
    """One of a customer's numbers with its opt-out and its newest inbound text."""

    choice: PhoneChoice
    opt_out: OptOut | None
    newest: InboundText | None

    @property
    def value(self) -> str:
        """The form value: not the number itself, so that no log holds it."""
        return f"{self.choice.contact.public_id}-{self.choice.kind}"


def numbers_of(customer: Customer) -> list[Number]:
    """All of the customer's numbers, in two queries."""
    choices = customer.phone_numbers()
    found = [choice.e164 for choice in choices]
    if not found:
        return []
    out = OptOut.objects.select_related("recorded_by").among(customer.tenant, found)
    texts = InboundText.objects.filter(number__in=found).order_by("number", "-pk")
    newest: dict[str, InboundText] = {}
    for text in texts[:MOST]:
        newest.setdefault(text.number, text)
    return [Number(c, out.get(c.e164), newest.get(c.e164)) for c in choices]
