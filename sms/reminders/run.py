"""Sends the reminders that are due. Idempotent: each step is decided once."""

from __future__ import annotations

import datetime as dt
import logging
import uuid

from celery import shared_task
from django.db import transaction
from django.db.models import Exists, OuterRef
from django_scopes import scope, scopes_disabled

from audit import clock
from audit.enqueue import enqueue
from audit.models import record
from invoices.models import Invoice
from sms.models import Reminder, ReminderStep, TextMessage, TextRules
from sms.outbox.queue import queue_reminder
from sms.reminders.schedule import FIRST_HOUR, LAST_HOUR, DueStep, Plan, plans
from sms.tasks import deliver
from tenants.models import Tenant

log = logging.getLogger(__name__)

OVERTAKEN = "A later reminder was due at the same time."


def companies() -> list[Tenant]:
    """Companies that send reminders and whose hours have begun."""
    steps = ReminderStep.objects.filter(tenant=OuterRef("pk"), is_active=True)
    found = Tenant.objects.filter(
        Exists(steps), is_active=True, text_to_pay_enabled=True, text_rules__reminds=True
    )
    return [tenant for tenant in found if is_time(tenant, clock.now())]


def is_time(tenant: Tenant, at: dt.datetime) -> bool:
    """Whether reminders go out at this hour of the company's day."""
    return FIRST_HOUR <= at.astimezone(tenant.zone).hour < LAST_HOUR


@shared_task(name="sms.reminding.remind_everybody", expires=60)
def remind_everybody() -> None:
    """Enqueue a task for each company that may send reminders now."""
    with scopes_disabled():
        for tenant in companies():
            enqueue(remind, tenant.pk)


@shared_task(name="sms.reminding.remind", expires=60)
def remind(tenant_id: int) -> int:
    """Decide every step of one company that is due now; returns the number of queued texts."""
    queued = 0
    tenant = Tenant.objects.get(pk=tenant_id)
    with scope(tenant=tenant):
        if not (TextRules.of(tenant).reminds and is_time(tenant, clock.now())):
            return 0
        for plan in plans(tenant, clock.now()):
            if plan.verdict != "wait":
                queued += _decide_safely(plan.invoice)
    return queued


def _decide_safely(invoice: Invoice) -> bool:
    """An error about one invoice must not stop the reminders of the others."""
    try:
        return decide(invoice) is not None
    except Exception:
        log.exception("The reminder for invoice %s could not be decided", invoice.pk)
        return False


def decide(invoice: Invoice) -> TextMessage | None:
    """Decide what is due for one invoice now: queue its text, or leave it out with the reason.

    Everything is checked again under the invoice's lock, which paying, voiding, editing and a
    second worker also take. None when no text was queued.
    """
    with transaction.atomic():
        row, now = invoice.locked(), clock.now()
        plan = next(iter(plans(row.tenant, now, only=row.pk)), None)
        if plan is None or plan.verdict == "wait":
            return None
        message = None
        if plan.verdict == "send":
            message = _queue(plan)
            if message is None:
                return None
        _record(plan.due, plan, now, message=message)
        for older in plan.passed_over:
            _record(older, plan, now, reason=OVERTAKEN if message else plan.reason)
    return message


def _queue(plan: Plan) -> TextMessage | None:
    occasion = f"{plan.due.occasion(plan.invoice)}"
    message = queue_reminder(
        plan.invoice,
        plan.recipient,
        template=plan.template,
        key=uuid.uuid5(plan.invoice.public_id, occasion),
    )
    if message is not None:
        enqueue(deliver, message.pk)
    return message


def _record(
    due: DueStep,
    plan: Plan,
    now: dt.datetime,
    *,
    message: TextMessage | None = None,
    reason: str = "",
) -> None:
    """Store the decision about a due step. The row is unique, so there is no second decision."""
    reason = "" if message else (reason or plan.reason)
    tenant, subject, step = plan.invoice.tenant, plan.invoice.audit_subject, str(due.step)
    Reminder.objects.create(
        tenant=tenant,
        step=due.step,
        invoice=plan.invoice,
        counted_from=due.counted_from,
        message=message,
        reason=reason[:200],
        decided_at=now,
    )
    if message:
        record("reminder.queued", tenant=tenant, subject=subject, step=step)
    else:
        record("reminder.left_out", tenant=tenant, subject=subject, step=step, reason=reason)
