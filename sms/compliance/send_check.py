"""The send check: may this text go out to this number now?

The pop-up, the POST, the API, bulk sends, reminders and the worker all ask here, so all agree.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import prefetch_related_objects
from django.utils import timezone

from audit import clock
from customers.models import Customer
from invoices.models import Invoice
from sms.compliance import frequency, quiet_hours
from sms.compliance.eligibility import why_no_sender
from sms.compliance.findings import TONES, Finding, Known, Level, Look
from sms.models import Consent, InboundText, OptOut, TextMessage, TextRules
from sms.models.number_lookup import NumberLookup
from tenants.models import Tenant

# Whoever texted a company within this time is in a conversation with it, at any hour.
JUST_NOW = dt.timedelta(hours=1)
OUTSIDE_HOURS = "It is outside the hours in which this number may be texted; nothing was sent."


@dataclass(frozen=True)
class SendCheck:
    """What stands for or against one text, the worst first."""

    findings: tuple[Finding, ...]
    # Set when the text may go but has to wait for the recipient's day.
    not_before: dt.datetime | None = None
    # When whatever forbids it now, a limit or the hour, is over; None where time changes nothing.
    again_at: dt.datetime | None = None

    @property
    def worst(self) -> Level:
        """The level of the whole."""
        return self.findings[0].level if self.findings else "green"

    @property
    def red(self) -> bool:
        """Whether the text is refused."""
        return self.worst == "red"

    @property
    def reason(self) -> Finding | None:
        """What forbids it first."""
        return self.findings[0] if self.red else None

    @property
    def tone(self) -> str:
        """How pages colour it; the words beside it say the same."""
        return TONES[self.worst]

    @property
    def ambers(self) -> int:
        """How many things there are to look at."""
        return sum(finding.level == "amber" for finding in self.findings)

    @property
    def lifted(self) -> bool:
        """Whether a limit on resending was reached and lifted."""
        return not self.red and any(f.code in frequency.CODES for f in self.findings)

    @property
    def only_limits(self) -> bool:
        """Whether nothing but a limit on resending forbids it, which some people may lift."""
        return self.red and all(
            finding.code in frequency.CODES for finding in self.findings if finding.level == "red"
        )


def check(
    invoice: Invoice,
    to: str,
    *,
    now: dt.datetime | None = None,
    kind: str = TextMessage.Kind.INVOICE,
    override: bool = False,
) -> SendCheck:
    """May a text of this `kind` about the invoice go to this E.164 number at this moment?

    `override` lifts the limits on resending and nothing else. Who may say so is the caller's
    question, and so is the person's right to send at all (see reasons.py).
    """
    return check_many([(invoice, to)], now=now, kind=kind, override=override)[0]


def check_many(
    rows: Sequence[tuple[Invoice, str]],
    *,
    now: dt.datetime | None = None,
    kind: str = TextMessage.Kind.INVOICE,
    override: bool = False,
) -> list[SendCheck]:
    """The same for many invoices of one company, in their order, with a handful of queries."""
    if not rows:
        return []
    known = _known(rows, now or clock.now(), kind, override)
    return [_checked(Look(known, invoice, to)) for invoice, to in rows]


def _checked(look: Look) -> SendCheck:
    findings, now = look.findings(), look.known.now
    waits = look.opens if look.opens is not None and look.opens > now else None
    if not findings or findings[0].level != "red":
        return SendCheck(findings, not_before=waits)
    ends = {"quiet_hours": waits}
    if look.limit is not None:
        ends[look.limit.code] = look.limit.until
    return SendCheck(findings, again_at=ends.get(findings[0].code))


def _known(
    rows: Sequence[tuple[Invoice, str]], now: dt.datetime, kind: str, override: bool
) -> Known:
    invoices, numbers = [invoice for invoice, _ in rows], {to for _, to in rows if to}
    prefetch_related_objects(invoices, "tenant", "customer__contacts")
    tenant = invoices[0].tenant
    rules = TextRules.of(tenant)
    counted = kind == TextMessage.Kind.INVOICE
    asks = rules.looks_up_numbers
    return Known(
        tenant=tenant,
        now=now,
        kind=kind,
        override=override,
        rules=rules,
        no_sender=why_no_sender(tenant),
        opted_out=OptOut.objects.select_related("recorded_by").among(tenant, numbers),
        consented=Consent.objects.known(tenant, numbers),
        line_types=NumberLookup.objects.types(tenant, numbers, now) if asks else {},
        sent=frequency.sent_lately(invoices, now) if counted else {},
    )


def waits_until(message: TextMessage, now: dt.datetime) -> dt.datetime | None:
    """For the worker: when a queued text may go out; `now` when it may, None when it never may.

    What we answer to HELP asks no clock.
    """
    if message.kind == TextMessage.Kind.HELP:
        return now
    if message.kind == TextMessage.Kind.ANSWER:
        return answered_at(message.tenant, message.to, message.customer, now)
    return _opens(message.tenant, message.to, message.customer, now)


def answered_at(
    tenant: Tenant, number: str, customer: Customer | None, now: dt.datetime
) -> dt.datetime | None:
    """When an answer to this number may go out: `now` to who has texted JUST_NOW; None: never.

    A collector waits for the day even then: 12 CFR 1006.6 knows no hour of the debtor's choice.
    """
    if not _rules(tenant).third_party_collector:
        since = timezone.now() - JUST_NOW
        if InboundText.objects.filter(tenant=tenant, number=number, received_at__gt=since).exists():
            return now
    return _opens(tenant, number, customer, now)


def _opens(
    tenant: Tenant, number: str, customer: Customer | None, now: dt.datetime
) -> dt.datetime | None:
    rules = _rules(tenant)
    opens = quiet_hours.next_allowed(number, customer, rules, now)
    return opens if opens == now or rules.sends_later else None


def _rules(tenant: Tenant) -> TextRules:
    # Read together with the text by whoever sends many.
    return getattr(tenant, "text_rules", None) or TextRules(tenant=tenant)
