"""The send check: may this text go out to this number now?

The menu, the pop-up, the POST, the API, bulk sends, reminders, answers and the worker call this
module, so all of them give the same answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import prefetch_related_objects
from django.utils import timezone

from audit import clock
from customers import phones
from customers.models import Customer
from invoices import link_tokens
from invoices.models import Invoice
from sms.compliance import frequency, quiet_hours
from sms.compliance.findings import Finding, Level, SendCheck
from sms.compliance.frequency import Sent
from sms.content import message_text
from sms.models import Consent, InboundText, OptOut, TextMessage, TextRules, TwilioAccount
from sms.models.number_lookup import NO_TEXTS, WORDS, NumberLookup, cannot_text
from sms.models.opt_out import STOPPED
from sms.recipient import Recipient
from tenants.models import Membership, Tenant
from tenants.roles import Permission
from tenants.templatetags import ui

RECENTLY = dt.timedelta(hours=24)
# Whoever texted a company within this time is in a conversation with it, at any hour.
JUST_NOW = dt.timedelta(hours=1)
OUTSIDE_HOURS = "This is outside the hours when this number can be texted, so nothing was sent."


def check(
    invoice: Invoice,
    recipient: Recipient,
    *,
    now: dt.datetime | None = None,
    kind: str = TextMessage.Kind.INVOICE,
    override: bool = False,
) -> SendCheck:
    """May a text of this `kind` about the invoice go to this recipient now?

    `override` lifts the limits on resending and nothing else. The caller checks that the person may
    override, and their right to send (`refusal`).
    """
    return check_many([(invoice, recipient)], now=now, kind=kind, override=override)[0]


def check_many(
    rows: Sequence[tuple[Invoice, Recipient]],
    *,
    now: dt.datetime | None = None,
    kind: str = TextMessage.Kind.INVOICE,
    override: bool = False,
) -> list[SendCheck]:
    """Check many invoices of one company, in their order, in a constant number of queries."""
    if not rows:
        return []
    facts = _facts(rows, now or clock.now(), kind, override)
    return [_InvoiceCheck(facts, invoice, recipient).result() for invoice, recipient in rows]


def refusal(invoice: Invoice, membership: Membership | None) -> Finding | None:
    """What forbids this person to text the invoice to any number; None when nothing does."""
    return (
        _no_right(invoice.tenant, membership)
        or _no_debt(invoice)
        or _no_sender(invoice.tenant)
        or opted_out(invoice)
    )


def company_refusal(tenant: Tenant, membership: Membership | None) -> Finding | None:
    """What forbids this person to text any invoice of the company; None when nothing does."""
    return _no_right(tenant, membership) or _no_sender(tenant)


def check_answer(tenant: Tenant, recipient: Recipient) -> SendCheck:
    """May staff answer a text from this number now?"""
    now, number = clock.now(), recipient.number
    opens = _answer_opens(tenant, number, recipient.customer, now)
    reason: Finding | None
    if out := OptOut.objects.of(tenant, number):
        sentence = f"{out.get_source_display()}. They cannot get texts from you."
        reason = Finding("red", "opted_out", sentence)
    elif not number.startswith("+"):
        reason = Finding("red", "short_code", "This is a short code, which cannot receive replies.")
    elif not tenant.text_to_pay_enabled:
        reason = _NOT_ENABLED
    elif opens is None:
        sentence = "This is outside the hours when they can be texted."
        reason = Finding("red", "quiet_hours", sentence)
    else:
        reason = _no_sender(tenant)
    if reason is not None:
        return SendCheck((reason,))
    return SendCheck((), not_before=opens if opens != now else None)


def opens_at(message: TextMessage, now: dt.datetime) -> dt.datetime | None:
    """When a queued text may go out: `now` when it may, None when it never may.

    Answers to HELP have no quiet hours.
    """
    if message.kind == TextMessage.Kind.HELP:
        return now
    if message.kind == TextMessage.Kind.ANSWER:
        return _answer_opens(message.tenant, message.to, message.customer, now)
    return _opens(message.tenant, message.to, message.customer, now)


def recheck(message: TextMessage) -> str:
    """Why a queued text must not go out any more; "" when it may.

    Minutes or hours may lie between the click and the call to Twilio: the broker was down, the
    sender busy, the recipient asleep.
    """
    if not (message.tenant.is_active and message.tenant.text_to_pay_enabled):
        return "Text-to-Pay was turned off before it went out, so nothing was sent."
    if not hasattr(message.tenant, "twilio"):
        return "The company no longer has a Twilio account, so nothing was sent."
    is_help = message.kind == TextMessage.Kind.HELP
    if not is_help and OptOut.objects.has_active(message.tenant, message.to):
        return STOPPED
    if opens_at(message, clock.now()) is None:
        return OUTSIDE_HOURS
    return _recheck_debt(message) if message.invoice else ""


def _recheck_debt(message: TextMessage) -> str:
    invoice, link = message.invoice, message.link
    if invoice is None or link is None:
        return "It has no invoice, so nothing was sent."
    if not invoice.is_payable:
        status = invoice.get_status_display().lower()
        return f"The invoice is no longer open ({status}), so nothing was sent."
    if not (link.is_live_at(clock.now()) and message.has_body):
        return "Its payment link ended before it went out, so nothing was sent. Send it again."
    if message.asked != invoice.balance:
        return "The invoice changed before it went out, so nothing was sent. Send it again."
    return ""


def _no_right(tenant: Tenant, membership: Membership | None) -> Finding | None:
    if membership is None or not membership.allows(Permission.SEND_TEXTS):
        sentence = "Your role cannot send texts. Ask an administrator at your company."
        return Finding("red", "no_permission", sentence)
    if not tenant.takes_payments:
        sentence = "Set CardConnect as your payment processor before texting invoices."
        return Finding("red", "no_processor", sentence)
    return None if tenant.text_to_pay_enabled else _NOT_ENABLED


def _no_debt(invoice: Invoice) -> Finding | None:
    if invoice.status != Invoice.Status.OPEN:
        sentence = _NOT_OPEN[Invoice.Status(invoice.status)]
        return Finding("red", f"invoice_{invoice.status}", sentence)
    if not invoice.is_payable:
        return Finding("red", "nothing_to_pay", "There is nothing to pay on this invoice.")
    return None


def _no_sender(tenant: Tenant) -> Finding | None:
    account = TwilioAccount.objects.filter(tenant=tenant).first()
    if account is None or not account.is_complete:
        sentence = "Your company does not have a number to text from yet. Support has to set it up."
        return Finding("red", "no_sender", sentence)
    if not account.is_registered:
        return Finding(
            "red",
            "not_registered",
            "The carriers have not approved your company's sender yet, so texts would "
            "not arrive. Support is following up.",
        )
    return None


def opted_out(invoice: Invoice) -> Finding | None:
    """Red when all mobiles of the customer have opted out; without a mobile, all numbers."""
    able = [c for c in invoice.customer.phone_numbers() if phones.can_text(c.e164)]
    main = [choice for choice in able if choice.kind == "mobile"]
    numbers = [choice.e164 for choice in main or able]
    out = OptOut.objects.select_related("recorded_by").among(invoice.tenant, numbers)
    if not numbers or len(out) < len(numbers):
        return None
    first = (main or able)[0]
    who = first.contact.first_name or "The customer"
    return Finding("red", "opted_out", out[first.e164].sentence(who, invoice.tenant.zone))


def _answer_opens(
    tenant: Tenant, number: str, customer: Customer | None, now: dt.datetime
) -> dt.datetime | None:
    """As `opens_at`, for an answer: whoever has texted JUST_NOW may be answered at any hour.

    A collector waits for the day even then: 12 CFR 1006.6 has no exception for the debtor's choice.
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
    """The rules that were read with the text (select_related), without another query."""
    return getattr(tenant, "text_rules", None) or TextRules(tenant=tenant)


@dataclass(frozen=True)
class _Facts:
    """What the database knows, read once for all invoices of a check."""

    tenant: Tenant
    now: dt.datetime
    kind: str
    override: bool
    rules: TextRules
    no_sender: Finding | None
    opted_out: dict[str, OptOut]
    consented: frozenset[str]
    line_types: dict[str, str]
    sent: dict[int, list[Sent]]

    def when(self, moment: dt.datetime) -> str:
        return when(moment, self.tenant, self.now)


def _facts(
    rows: Sequence[tuple[Invoice, Recipient]], now: dt.datetime, kind: str, override: bool
) -> _Facts:
    invoices = [invoice for invoice, _ in rows]
    numbers = {recipient.number for _, recipient in rows if recipient.number}
    prefetch_related_objects(invoices, "tenant", "customer__contacts")
    tenant = invoices[0].tenant
    rules = TextRules.of(tenant)
    counted = kind == TextMessage.Kind.INVOICE
    known = NumberLookup.objects.types(tenant, numbers, now) if rules.looks_up_numbers else {}
    return _Facts(
        tenant=tenant,
        now=now,
        kind=kind,
        override=override,
        rules=rules,
        no_sender=_no_sender(tenant),
        opted_out=OptOut.objects.select_related("recorded_by").among(tenant, numbers),
        consented=Consent.objects.known(tenant, numbers),
        line_types=known,
        sent=frequency.sent_lately(invoices, now) if counted else {},
    )


class _InvoiceCheck:
    """The findings about one invoice and one recipient."""

    def __init__(self, facts: _Facts, invoice: Invoice, recipient: Recipient) -> None:
        self.facts, self.invoice, self.recipient = facts, invoice, recipient
        self.sent = facts.sent.get(invoice.pk, [])
        self.hours = quiet_hours.hours_of(recipient.number, invoice.customer, facts.rules)
        self.opens = self.hours.next_open(facts.now)
        self.limit = frequency.reached(self.sent, facts.now)

    def result(self) -> SendCheck:
        order = ("red", "amber", "green")
        findings = tuple(sorted(self._findings(), key=lambda found: order.index(found.level)))
        waits = self.opens if self.opens is not None and self.opens > self.facts.now else None
        if not findings or findings[0].level != "red":
            return SendCheck(findings, not_before=waits)
        ends = {"quiet_hours": waits}
        if self.limit is not None:
            ends[self.limit.code] = self.limit.until
        return SendCheck(findings, again_at=ends.get(findings[0].code))

    def _findings(self) -> Iterator[Finding]:
        if reason := _no_debt(self.invoice) or self.facts.no_sender:
            yield reason
        yield from self._number()
        yield from self._consent()
        yield from self._on_file()
        yield from self._quiet_hours()
        if self.facts.kind == TextMessage.Kind.INVOICE:
            yield from self._repeats()
            yield from self._link()
            yield from self._length()

    def _number(self) -> Iterator[Finding]:
        number = self.recipient.number
        line = self.facts.line_types.get(number, "")
        words = WORDS.get(line, line)
        if not phones.exists(number):
            yield Finding(
                "red", "impossible", "This is not a valid phone number. Check the digits."
            )
        elif not phones.can_text(number):
            yield Finding("red", "cannot_text", cannot_text(phones.kind(number)))
        elif line in NO_TEXTS:
            yield Finding("red", "cannot_text", cannot_text(words))
        elif line:
            yield Finding("green", "line_type", f"Twilio lists it as a {words} number.")

    def _consent(self) -> Iterator[Finding]:
        if out := self.facts.opted_out.get(self.recipient.number):
            sentence = out.sentence(self.recipient.name, self.facts.tenant.zone)
            yield Finding("red", "opted_out", sentence)
        elif self.recipient.number not in self.facts.consented:
            sentence = (
                f"Sending records that {self.recipient.name} gave this number for the account."
            )
            yield Finding("green", "no_consent", sentence)

    def _on_file(self) -> Iterator[Finding]:
        if self.recipient.choice is None:
            yield Finding(
                "amber",
                "not_on_file",
                "Not on file for this customer. Make sure you typed it correctly and "
                "that they agreed to texts.",
            )
        elif self.recipient.choice.kind != "mobile":
            sentence = "Saved as their other phone. Make sure it can receive texts."
            yield Finding("amber", "other_phone", sentence)

    def _quiet_hours(self) -> Iterator[Finding]:
        clocks = list(self.hours.closed(self.facts.now))
        if not clocks:
            return
        lives = "may live" if len(self.hours.zones) > 1 else "lives"
        earliest = min(clocks, key=lambda local: local.replace(tzinfo=None))
        here = f"It is {ui.clock(earliest)} where {self.recipient.name} {lives}."
        level: Level = "red"
        if self.opens is None:
            words = "No hour in the coming week is allowed everywhere they may live."
        elif self.facts.rules.sends_later:
            level, words = "amber", f"The text will go out {self.facts.when(self.opens)}."
        else:
            words = f"They can be texted again {self.facts.when(self.opens)}."
        yield Finding(level, "quiet_hours", f"{here} {words}")

    def _repeats(self) -> Iterator[Finding]:
        in_flight = next((text for text in self.sent if text.is_in_flight), None)
        if in_flight is not None:
            yield Finding("red", "on_its_way", self._on_its_way(in_flight))
        elif self.limit is not None and self.facts.override:
            yield Finding("amber", self.limit.code, self.limit.sentence)
        elif self.limit is not None:
            words = f"It can be texted again {self.facts.when(self.limit.until)}."
            yield Finding("red", self.limit.code, f"{self.limit.sentence} {words}")
        elif self.sent and self.sent[-1].at > self.facts.now - RECENTLY:
            last = self.facts.when(self.sent[-1].at)
            yield Finding("amber", "sent_recently", f"It was last texted {last}.")

    def _on_its_way(self, text: Sent) -> str:
        number = phones.national(text.to)
        if text.at > self.facts.now:
            return f"A text to {number} is waiting and will go out {self.facts.when(text.at)}."
        return f"A text to {number} is already on its way."

    def _link(self) -> Iterator[Finding]:
        zone, now = self.facts.tenant.zone, self.facts.now
        ends = link_tokens.sixty_days_later(now, zone).astimezone(zone).date()
        if self.invoice.due_on is not None and ends < self.invoice.due_on:
            day = ui.date(ends, now.astimezone(zone).date())
            yield Finding(
                "amber", "link_lapses", f"The link will expire on {day}, before the due date."
            )

    def _length(self) -> Iterator[Finding]:
        count = message_text.preview(self.invoice, self.recipient.language)["segments"]
        if count > 1:
            level: Level = "amber" if count <= message_text.MOST_SEGMENTS else "red"
            yield Finding(
                level, "segments", f"It takes {count} segments, and you pay for each one."
            )


def when(moment: dt.datetime, tenant: Tenant, now: dt.datetime) -> str:
    """ "today at 8:00 AM", "tomorrow at…", "on Mon, Nov 23 at…", in the company's zone."""
    local, today = moment.astimezone(tenant.zone), now.astimezone(tenant.zone).date()
    days = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    day = days.get((local.date() - today).days, f"on {local:%a}, {ui.date(local.date(), today)}")
    return f"{day} at {ui.clock(local)}"


_NOT_ENABLED = Finding("red", "not_enabled", "Text-to-Pay is not enabled for your company yet.")
_NOT_OPEN = {
    Invoice.Status.DRAFT: "This invoice is a draft. Open it for payment first.",
    Invoice.Status.PENDING: "A bank payment for the full balance has been started.",
    Invoice.Status.PAID: "This invoice is paid.",
    Invoice.Status.VOID: "This invoice is void. Nothing is due.",
}
