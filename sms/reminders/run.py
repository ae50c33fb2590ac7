"""Sends the reminders that are due: each once, whoever runs this and however often."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from typing import Any

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
from sms.reminders.schedule import FIRST_HOUR, LAST_HOUR, Plan, Turn, plans
from sms.tasks import deliver
from tenants.models import Tenant

log = logging.getLogger(__name__)

OVERTAKEN = "A later reminder was due at the same time."


def companies() -> list[Tenant]:
    """Those that send reminders, and whose day it is."""
    steps = ReminderStep.objects.filter(tenant=OuterRef("pk"), is_active=True)
    found = Tenant.objects.filter(
        Exists(steps), is_active=True, text_to_pay_enabled=True, text_rules__reminds=True
    )
    return [tenant for tenant in found if is_time(tenant, clock.now())]


def is_time(tenant: Tenant, at: dt.datetime) -> bool:
    """Whether reminders are handed over at this hour of the company's day."""
    return FIRST_HOUR <= at.astimezone(tenant.zone).hour < LAST_HOUR


@shared_task(name="sms.reminding.remind_everybody", expires=60)
def remind_everybody() -> None:
    """Start a task for each company that has reminders to send now."""
    with scopes_disabled():
        for tenant in companies():
            enqueue(remind, tenant.pk)


@shared_task(name="sms.reminding.remind", expires=60)
def remind(tenant_id: int) -> int:
    """Take every step of one company that is due now; returns how many texts were begun."""
    begun = 0
    tenant = Tenant.objects.get(pk=tenant_id)
    with scope(tenant=tenant):
        if not (TextRules.of(tenant).reminds and is_time(tenant, clock.now())):
            return 0
        for plan in plans(tenant, clock.now()):
            if plan.verdict != "wait":
                begun += _take_safely(plan.invoice)
    return begun


def _take_safely(invoice: Invoice) -> bool:
    """One invoice's trouble must not keep the others from their reminders."""
    try:
        return take(invoice) is not None
    except Exception:
        log.exception("The reminder for invoice %s could not be decided", invoice.pk)
        return False


def take(invoice: Invoice) -> TextMessage | None:
    """Decide what is due for one invoice now, once: begin its text, or leave it out and say why.

    Everything is looked at again under the invoice's lock, which paying, voiding, editing and a
    second worker take as well. None when nothing was begun.
    """
    with transaction.atomic():
        row, now = invoice.locked(), clock.now()
        plan = next(iter(plans(row.tenant, now, only=row.pk)), None)
        if plan is None or plan.verdict == "wait":
            return None
        message = None
        if plan.verdict == "send":
            message = _begin(plan)
            if message is None:
                return None
        _decide(plan.turn, plan, now, message=message)
        for turn in plan.passed_over:
            _decide(turn, plan, now, reason=OVERTAKEN if message else plan.reason)
    return message


def _begin(plan: Plan) -> TextMessage | None:
    occasion = f"{plan.turn.occasion(plan.invoice)}"
    message = queue_reminder(
        plan.invoice,
        plan.recipient,
        template=plan.template,
        key=uuid.uuid5(plan.invoice.public_id, occasion),
    )
    if message is not None:
        enqueue(deliver, message.pk)
    return message


def _decide(
    turn: Turn,
    plan: Plan,
    now: dt.datetime,
    *,
    message: TextMessage | None = None,
    reason: str = "",
) -> None:
    """Write down what became of a turn. Its row is unique: nobody decides it a second time."""
    reason = "" if message else (reason or plan.reason)
    why: dict[str, Any] = {"reason": reason} if reason else {}
    Reminder.objects.create(
        tenant=plan.invoice.tenant,
        step=turn.step,
        invoice=plan.invoice,
        counted_from=turn.counted_from,
        message=message,
        reason=reason[:200],
        decided_at=now,
    )
    record(
        "reminder.queued" if message else "reminder.left_out",
        tenant=plan.invoice.tenant,
        subject=plan.invoice.audit_subject,
        step=str(turn.step),
        **why,
    )
