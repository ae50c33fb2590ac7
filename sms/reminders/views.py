"""**Reminders**: the reminders of today and tomorrow, and the calendar of practice mode."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from audit import clock
from sms.content import message_text
from sms.models import Reminder, ReminderStep, TextRules
from sms.reminders import demo_clock
from sms.reminders.schedule import FIRST_HOUR, LAST_HOUR, Occasion, Plan, plans
from tenants.access import Permission, staff
from tenants.live import Regions
from tenants.models import Tenant
from tenants.requests import StaffRequest

MOST = 200  # rows of one day that a page shows
LIVE = {"today": "sms/reminders/_today.html", "tomorrow": "sms/reminders/_tomorrow.html"}


@dataclass(frozen=True)
class Row:
    """One planned reminder on the page."""

    plan: Plan
    text: message_text.Preview

    @property
    def goes_out(self) -> bool:
        """Whether it goes out, now or at a known hour."""
        return self.plan.verdict == "send" or self.plan.at is not None


@require_safe
@staff(Permission.VIEW_INVOICES)
def index(request: StaffRequest) -> HttpResponse:
    """The page, which polls `live`."""
    context = {
        "live": _live(request),
        "rules": TextRules.of(request.tenant),
        "steps": ReminderStep.objects.filter(tenant=request.tenant, is_active=True),
    }
    return render(request, "sms/reminders/index.html", context)


@require_safe
@staff(Permission.VIEW_INVOICES)
def live(request: StaffRequest) -> HttpResponse:
    """The changed regions of an open page; 204 when nothing changed."""
    return _live(request).answer(request)


@require_POST
@staff(Permission.MANAGE_SETTINGS)
def move_calendar(request: StaffRequest) -> HttpResponse:
    """Set the calendar of practice mode ahead, or back to the real time."""
    if not settings.PRACTICE_MODE:
        raise Http404
    try:
        demo_clock.move(request.tenant, request.POST.get("by", ""))
    except ValueError:
        messages.error(request, "The demo clock can be set at most 400 days ahead.")
    return redirect("sms:reminders")


def _live(request: StaffRequest) -> Regions:
    tenant = request.tenant
    context = {"reminds": TextRules.of(tenant).reminds, "most": MOST}
    return Regions(request, LIVE, context | _days(tenant, clock.now()))


def _days(tenant: Tenant, now: dt.datetime) -> dict[str, object]:
    """What went out today, what is still to come, and the forecast of tomorrow."""
    local = now.astimezone(tenant.zone)
    opens = local.replace(hour=FIRST_HOUR, minute=0, second=0, microsecond=0)
    to_come = plans(tenant, max(local, opens)) if local.hour < LAST_HOUR else []
    tomorrow = dt.datetime.combine(
        local.date() + dt.timedelta(days=1), dt.time(FIRST_HOUR), tenant.zone
    )
    planned = plans(tenant, tomorrow, taken=_taken(to_come))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    done = Reminder.objects.filter(
        tenant=tenant, decided_at__gte=midnight, decided_at__lt=midnight + dt.timedelta(days=1)
    )
    return {
        "today": local.date(),
        "tomorrow": tomorrow.date(),
        "to_come": _rows(to_come),
        "to_come_count": len(to_come),
        "planned": _rows(planned),
        "planned_count": len(planned),
        "done": done.select_related("step", "invoice__customer", "message__link")[:MOST],
    }


def _taken(due: list[Plan]) -> set[Occasion]:
    """What is decided today, so that the forecast of tomorrow leaves it out."""
    decided = [plan for plan in due if plan.verdict != "wait"]
    return {due.occasion(plan.invoice) for plan in decided for due in (plan.due, *plan.passed_over)}


def _rows(planned: list[Plan]) -> list[Row]:
    return [Row(plan, message_text.shown(plan.template)) for plan in planned[:MOST]]
