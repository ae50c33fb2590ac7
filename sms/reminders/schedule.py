"""Which reminder is due for which invoice on a day, and what prevents it.

The task that sends, the page that shows tomorrow, and the recheck under the invoice's lock call
this module. Days are days of the company's calendar.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from invoices.models import Invoice, PaymentLink
from sms.compliance.findings import SendCheck
from sms.compliance.send_check import check_many
from sms.content.message_text import reminder_template
from sms.models.reminder import Reminder, ReminderStep
from sms.models.text import TextMessage
from sms.recipient import Recipient
from sms.reminders.eligibility import HOLDS, held_back
from tenants.models import Tenant

# The hours of the company's day in which reminders go out.
FIRST_HOUR, LAST_HOUR = 10, 20
# The number of days on which a step may go out, its own included. A limit, so that a company that
# switches reminders on does not flood its old debtors.
LATEST = 3
WEEK = dt.timedelta(days=7)
MOST_A_WEEK = 3

When = ReminderStep.When
Verdict = Literal["send", "wait", "leave_out"]
# The keys of a step and an invoice, and the date that the step counts from: decided once.
Occasion = tuple[int, int, dt.date]


@dataclass(frozen=True)
class DueStep:
    """One step that is due for one invoice from this day on."""

    step: ReminderStep
    counted_from: dt.date
    day: dt.date

    def occasion(self, invoice: Invoice) -> Occasion:
        """The unique key of the decision."""
        return self.step.pk, invoice.pk, self.counted_from


@dataclass(frozen=True)
class Plan:
    """What happens to one invoice at a moment: its newest due step, and whether it goes out."""

    invoice: Invoice
    due: DueStep
    recipient: Recipient
    verdict: Verdict
    reason: str = ""
    # When it goes out, for one that waits for a known hour.
    at: dt.datetime | None = None
    # Older due steps, which are left out in favor of the newest.
    passed_over: Sequence[DueStep] = field(default=())

    @property
    def template(self) -> str:
        """The text, with LINK_MARK in place of the link."""
        language = self.recipient.language
        return reminder_template(self.invoice, self.due.step.words(language), language)


def plans(
    tenant: Tenant, at: dt.datetime, *, only: int | None = None, taken: Collection[Occasion] = ()
) -> list[Plan]:
    """What is due at a moment, soonest first; for one invoice (its key) with `only`.

    `taken` are occasions that count as decided, for the forecast of tomorrow.
    """
    today = at.astimezone(tenant.zone).date()
    steps = list(ReminderStep.objects.filter(tenant=tenant, is_active=True))
    if not steps:
        return []
    found = candidates(tenant, steps, today)
    invoices = list(found.filter(pk=only) if only else found)
    done = _decided(invoices) | set(taken)
    due = [(one, its) for one in invoices if (its := _due_steps(one, steps, today, done))]
    rows = [(invoice, Recipient.of(invoice.customer, _bill(invoice).to)) for invoice, _ in due]
    checks = check_many(rows, now=at, kind=TextMessage.Kind.REMINDER)
    return [
        _plan(invoice, its, recipient, checked, at)
        for (invoice, recipient), (_, its), checked in zip(rows, due, checks, strict=True)
    ]


def candidates(tenant: Tenant, steps: Iterable[ReminderStep], today: dt.date) -> QuerySet[Invoice]:
    """Texted, payable invoices that may have a step due, with everything that a plan reads."""
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
            *(name for hold in HOLDS for name in hold.reads),
        )
        .order_by("due_on", "pk")
    )


def _on(step: ReminderStep, tenant: Tenant, first: dt.date, last: dt.date) -> Q:
    """Invoices for which this step is due between two days."""
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


def _due_steps(
    invoice: Invoice, steps: Iterable[ReminderStep], today: dt.date, done: Collection[Occasion]
) -> list[DueStep]:
    """The invoice's due and undecided steps, the oldest first."""
    dated = [due for step in steps if (due := _dated(step, invoice)) is not None]
    found = [
        due
        for due in dated
        if due.day <= today < due.day + dt.timedelta(days=LATEST)
        and not _is_pointless(due, today)
        and due.occasion(invoice) not in done
    ]
    return sorted(found, key=lambda due: (due.day, due.counted_from, due.step.pk))


def _dated(step: ReminderStep, invoice: Invoice) -> DueStep | None:
    """The day from which this step is due; a promise to pay postpones it to the day after."""
    date = _date(step, invoice)
    if date is None:
        return None
    away = dt.timedelta(days=step.days)
    before = step.when in (When.BEFORE_DUE, When.BEFORE_LAPSE)
    day = date - away if before else date + away
    if invoice.promised_on and day <= invoice.promised_on:
        day = invoice.promised_on + dt.timedelta(days=1)
    return DueStep(step, date, day)


def _date(step: ReminderStep, invoice: Invoice) -> dt.date | None:
    """The date that a step counts from; None when the invoice has no such date."""
    if step.when in (When.BEFORE_DUE, When.AFTER_DUE):
        return invoice.due_on
    link = _bill(invoice).link if step.when == When.AFTER_SENDING else invoice.live_link
    if link is None:
        return None
    moment = link.issued_at if step.when == When.AFTER_SENDING else link.expires_at
    date: dt.date = moment.astimezone(invoice.tenant.zone).date()
    return date


def _is_pointless(due: DueStep, today: dt.date) -> bool:
    """Whether the date that it announces has passed."""
    before = due.step.when in (When.BEFORE_DUE, When.BEFORE_LAPSE)
    return before and today > due.counted_from


def _bill(invoice: Invoice) -> TextMessage:
    """The newest **Invoice SMS**: reminders follow it, to the same number."""
    bills = [t for t in invoice.text_messages.all() if t.kind == TextMessage.Kind.INVOICE]
    return max(bills, key=lambda text: text.pk)


def _plan(
    invoice: Invoice,
    due: Sequence[DueStep],
    recipient: Recipient,
    checked: SendCheck,
    at: dt.datetime,
) -> Plan:
    *older, newest = due
    verdict, reason, moment = _verdict(invoice, checked, at)
    last_day = newest.day + dt.timedelta(days=LATEST - 1)
    local = at.astimezone(invoice.tenant.zone)
    if verdict == "wait" and (local.date(), local.hour) >= (last_day, LAST_HOUR - 1):
        verdict = "leave_out"
    return Plan(invoice, newest, recipient, verdict, reason, moment, older)


def _verdict(
    invoice: Invoice, checked: SendCheck, at: dt.datetime
) -> tuple[Verdict, str, dt.datetime | None]:
    """Whether a reminder about this invoice may go out at this moment, why not, and when."""
    if reason := _forbidden(invoice, at):
        return "leave_out", reason, None
    if reason := _postponed(invoice, at):
        return "wait", reason, None
    if checked.reason is not None:
        waits = checked.again_at is not None
        return "wait" if waits else "leave_out", checked.reason.sentence, checked.again_at
    if checked.not_before is not None:
        return "wait", "This is outside the hours when they can be texted.", checked.not_before
    return "send", "", at


def _forbidden(invoice: Invoice, at: dt.datetime) -> str:
    """Why no reminder goes out at all; "" when it may."""
    link = invoice.newest_link
    last = max(filter(_counts, invoice.text_messages.all()), key=lambda text: text.pk)
    if invoice.customer.reminders_paused:
        return "Reminders are paused for this customer."
    if link is not None and link.status == PaymentLink.Status.DISABLED:
        return "Its link was expired manually."
    if link is None or not link.is_live_at(at):
        return "Its link has expired. Text the invoice again for a new one."
    if last.finished_at and last.status != TextMessage.Status.DELIVERED:
        return "The last text about it was not delivered."
    return ""


def _counts(text: TextMessage) -> bool:
    """Whether it shows if texts arrive: not for a reminder that Textpay itself held back."""
    return text.kind != TextMessage.Kind.REMINDER or text.went_out or bool(text.error_code)


def _postponed(invoice: Invoice, at: dt.datetime) -> str:
    """Why no reminder goes out at the moment; "" when it may."""
    texts = invoice.text_messages.all()
    if reason := held_back(invoice):
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


def _moment(text: TextMessage) -> dt.datetime | None:
    """When a text was decided, by the calendar; None for one that did not go out."""
    if not text.went_out:
        return None
    if text.kind == TextMessage.Kind.REMINDER and hasattr(text, "reminder"):
        return text.reminder.decided_at
    return text.link.issued_at if text.link else None
