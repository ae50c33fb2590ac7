"""Which reminder is due for which invoice on which day, and what stands in its way.

The task that sends, the page that shows tomorrow, and the re-check under the invoice's lock all ask
here. Days are days of the company's calendar.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from invoices.models import Invoice, PaymentLink
from sms.compliance.findings import SendCheck
from sms.compliance.send_check import check_many
from sms.content.message_text import reminder_template
from sms.models.reminder import Reminder, ReminderStep
from sms.models.text import TextMessage
from sms.recipient import Recipient
from sms.reminders.eligibility import payment_under_way
from tenants.models import Tenant

# The hours of the company's day in which reminders are handed over.
FIRST_HOUR, LAST_HOUR = 10, 20
# On how many days a step may still go out, its own included; after that it would be beside the
# point, and a company that switches reminders on does not flood its old debtors.
LATEST = 3
WEEK = dt.timedelta(days=7)
MOST_A_WEEK = 3

When = ReminderStep.When
Verdict = Literal["send", "wait", "leave_out"]
# A step for an invoice, counted from a date: what is decided once.
Occasion = tuple[int, int, dt.date]


@dataclass(frozen=True)
class Turn:
    """One step's turn for one invoice: from this day on."""

    step: ReminderStep
    counted_from: dt.date
    day: dt.date

    def occasion(self, invoice: Invoice) -> Occasion:
        """What may happen only once."""
        return self.step.pk, invoice.pk, self.counted_from


@dataclass(frozen=True)
class Plan:
    """What happens to one invoice at a moment: the newest due step, and whether it goes out."""

    invoice: Invoice
    turn: Turn
    recipient: Recipient
    verdict: Verdict
    reason: str = ""
    # When it goes out, for one that only waits for an hour.
    at: dt.datetime | None = None
    # Steps that were due as well and are left out for the newest one.
    passed_over: Sequence[Turn] = field(default=())

    @property
    def template(self) -> str:
        """What it says, with LINK_MARK where the link goes."""
        language = self.recipient.language
        return reminder_template(self.invoice, self.turn.step.words(language), language)


def plans(
    tenant: Tenant, at: dt.datetime, *, only: int | None = None, taken: Collection[Occasion] = ()
) -> list[Plan]:
    """What is due at a moment, soonest first; of one invoice (its pk) with `only`.

    `taken` are occasions to see as decided, for a look at tomorrow.
    """
    today = at.astimezone(tenant.zone).date()
    steps = list(ReminderStep.objects.filter(tenant=tenant, is_active=True))
    if not steps:
        return []
    found = candidates(tenant, steps, today)
    invoices = list(found.filter(pk=only) if only else found)
    done = _decided(invoices) | set(taken)
    due = [(one, turns) for one in invoices if (turns := _due(one, steps, today, done))]
    rows = [(invoice, Recipient.of(invoice.customer, _bill(invoice).to)) for invoice, _ in due]
    checks = check_many(rows, now=at, kind=TextMessage.Kind.REMINDER)
    return [
        _plan(invoice, turns, recipient, checked, at)
        for (invoice, recipient), (_, turns), checked in zip(rows, due, checks, strict=True)
    ]


def candidates(tenant: Tenant, steps: Iterable[ReminderStep], today: dt.date) -> QuerySet[Invoice]:
    """Texted invoices that ask for money and may have a step due, with all a plan reads."""
    first = today - dt.timedelta(days=LATEST - 1)
    may_be_due = Q(promised_on__range=(first - dt.timedelta(1), today - dt.timedelta(1)))
    for step in steps:
        may_be_due |= _on(step, tenant, first, today)
    bills = TextMessage.objects.filter(invoice=OuterRef("pk"), kind=TextMessage.Kind.INVOICE)
    return (
        Invoice.objects.filter(tenant=tenant, status=Invoice.Status.OPEN, total__gt=F("paid"))
        .filter(may_be_due)
        .filter(Exists(bills))
        .select_related("tenant", "customer")
        .prefetch_related(
            "customer__contacts",
            "text_messages__link",
            "text_messages__reminder",
            "links",
            "payments",
        )
        .order_by("due_on", "pk")
    )


def _on(step: ReminderStep, tenant: Tenant, first: dt.date, last: dt.date) -> Q:
    """Invoices whose date for this step makes it due between two days."""
    away = dt.timedelta(days=step.days)
    earlier, later = (first - away, last - away), (first + away, last + away)
    links = PaymentLink.objects.filter(tenant=tenant)
    match step.when:
        case When.AFTER_SENDING:
            moments = _moments(earlier, tenant)
            texted = links.filter(
                issued_at__range=moments, text_messages__kind=TextMessage.Kind.INVOICE
            )
            return Q(pk__in=texted.values("invoice_id"))
        case When.BEFORE_LAPSE:
            lapsing = links.live().filter(expires_at__range=_moments(later, tenant))
            return Q(pk__in=lapsing.values("invoice_id"))
        case When.BEFORE_DUE:
            return Q(due_on__range=later)
    return Q(due_on__range=earlier)


def _moments(days: tuple[dt.date, dt.date], tenant: Tenant) -> tuple[dt.datetime, dt.datetime]:
    first, last = days
    begin = dt.datetime.combine(first, dt.time(), tenant.zone)
    return begin, dt.datetime.combine(last + dt.timedelta(1), dt.time(), tenant.zone)


def _decided(invoices: Iterable[Invoice]) -> set[Occasion]:
    rows = Reminder.objects.filter(invoice__in=list(invoices))
    return set(rows.values_list("step_id", "invoice_id", "counted_from"))


def _due(
    invoice: Invoice, steps: Iterable[ReminderStep], today: dt.date, done: Collection[Occasion]
) -> list[Turn]:
    """The invoice's undecided steps whose turn it is, the oldest first."""
    turns = [turn for step in steps if (turn := _turn(step, invoice)) is not None]
    due = [
        turn
        for turn in turns
        if turn.day <= today < turn.day + dt.timedelta(days=LATEST)
        and not _is_pointless(turn, today)
        and turn.occasion(invoice) not in done
    ]
    return sorted(due, key=lambda turn: (turn.day, turn.counted_from, turn.step.pk))


def _turn(step: ReminderStep, invoice: Invoice) -> Turn | None:
    """From which day on it is this step's turn; a promise to pay puts it off to the day after."""
    date = _date(step, invoice)
    if date is None:
        return None
    away = dt.timedelta(days=step.days)
    before = step.when in (When.BEFORE_DUE, When.BEFORE_LAPSE)
    day = date - away if before else date + away
    if invoice.promised_on and day <= invoice.promised_on:
        day = invoice.promised_on + dt.timedelta(days=1)
    return Turn(step, date, day)


def _date(step: ReminderStep, invoice: Invoice) -> dt.date | None:
    """The date that a step counts from; None when the invoice has none of this kind."""
    if step.when in (When.BEFORE_DUE, When.AFTER_DUE):
        return invoice.due_on
    link = _bill(invoice).link if step.when == When.AFTER_SENDING else invoice.live_link
    if link is None:
        return None
    moment = link.issued_at if step.when == When.AFTER_SENDING else link.expires_at
    date: dt.date = moment.astimezone(invoice.tenant.zone).date()
    return date


def _is_pointless(turn: Turn, today: dt.date) -> bool:
    """Whether what it announces has happened already."""
    before = turn.step.when in (When.BEFORE_DUE, When.BEFORE_LAPSE)
    return before and today > turn.counted_from


def _bill(invoice: Invoice) -> TextMessage:
    """The newest **Invoice SMS**: reminders follow it, to the same number."""
    bills = [t for t in invoice.text_messages.all() if t.kind == TextMessage.Kind.INVOICE]
    return max(bills, key=lambda text: text.pk)


def _plan(
    invoice: Invoice,
    turns: Sequence[Turn],
    recipient: Recipient,
    checked: SendCheck,
    at: dt.datetime,
) -> Plan:
    *older, newest = turns
    verdict, reason, moment = _verdict(invoice, checked, at)
    last_day = newest.day + dt.timedelta(days=LATEST - 1)
    local = at.astimezone(invoice.tenant.zone)
    if verdict == "wait" and (local.date(), local.hour) >= (last_day, LAST_HOUR - 1):
        verdict = "leave_out"
    return Plan(invoice, newest, recipient, verdict, reason, moment, older)


def _verdict(
    invoice: Invoice, checked: SendCheck, at: dt.datetime
) -> tuple[Verdict, str, dt.datetime | None]:
    """What stands in the way of any reminder about this invoice at this moment."""
    if reason := _for_good(invoice, at):
        return "leave_out", reason, None
    if reason := _for_now(invoice, at):
        return "wait", reason, None
    if checked.reason is not None:
        waits = checked.again_at is not None
        return "wait" if waits else "leave_out", checked.reason.sentence, checked.again_at
    if checked.not_before is not None:
        return "wait", "It is outside the hours in which they may be texted.", checked.not_before
    return "send", "", at


def _for_good(invoice: Invoice, at: dt.datetime) -> str:
    link = invoice.newest_link
    last = max(filter(_counts, invoice.text_messages.all()), key=lambda text: text.pk)
    if invoice.customer.reminders_paused:
        return "Reminders are paused for this customer."
    if link is not None and link.status == PaymentLink.Status.DISABLED:
        return "Its link was expired by hand."
    if link is None or not link.is_live_at(at):
        return "Its link has expired. Text the invoice again for a new one."
    if last.finished_at and last.status != TextMessage.Status.DELIVERED:
        return "The last text about it did not arrive."
    return ""


def _counts(text: TextMessage) -> bool:
    """Whether it tells if texts arrive: not a reminder that we ourselves held back."""
    return text.kind != TextMessage.Kind.REMINDER or text.went_out or bool(text.error_code)


def _for_now(invoice: Invoice, at: dt.datetime) -> str:
    texts = invoice.text_messages.all()
    if reason := payment_under_way(invoice):
        return reason
    if any(text.is_in_flight for text in texts):
        return "A text about it is on its way."
    moments = [moment for text in texts if (moment := _moment(text)) and moment <= at]
    zone = invoice.tenant.zone
    if any(m.astimezone(zone).date() == at.astimezone(zone).date() for m in moments):
        return "It was texted today."
    if sum(moment > at - WEEK for moment in moments) >= MOST_A_WEEK:
        return f"It was texted {MOST_A_WEEK} times in 7 days."
    return ""


def _moment(text: Any) -> dt.datetime | None:
    """When a text was decided on, by the calendar; None for one that surely did not go out."""
    if not text.went_out:
        return None
    reminder = getattr(text, "reminder", None)
    moment: dt.datetime = reminder.decided_at if reminder else text.link.issued_at
    return moment
