"""Home: what came in, what is owed, and what needs a person."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django.db.models import Count, F, Q, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit import clock
from audit.models import AuditEntry
from invoices.models import Invoice, InvoiceQuerySet
from payments.invoice_filters import in_flight
from payments.models import MoneyCheck, Payment, Refund
from payments.models.reconciliation import alarms
from payments.settlement import banking_days
from sms.invoice_filters import undelivered
from sms.models import InboundText
from tenants.access import Permission, staff
from tenants.requests import StaffRequest
from textpay.company.people import LIMIT_CHANGED
from textpay.pages.front_door import LAST
from textpay.pages.invoice_filters import came_back
from textpay.pages.status_summary import with_status_summary

MOST = 8
# The law gives ten business days to honor a refusal; after half of them Home warns.
LATE = 5
LIMIT_SHOWN_FOR = dt.timedelta(days=7)
OWED = F("total") - F("paid")
KEPT = F("amount") - F("refunded")


@require_safe
@staff(Permission.VIEW_INVOICES)
def home(request: StaffRequest) -> HttpResponse:
    """Four figures and the invoices that need a person."""
    if request.session.get(LAST) != request.tenant.pk:
        request.session[LAST] = request.tenant.pk
    now = timezone.now().astimezone(request.tenant.zone)
    calendar = clock.now().astimezone(request.tenant.zone)
    needs, refunds = _needs(), _refunds()
    releases = request.membership.allows(Permission.RELEASE_REFUNDS)
    limits = _limits_changed(request, now) if releases else []
    answers = request.membership.allows(Permission.ANSWER_TEXTS)
    sees_money = request.membership.allows(Permission.SEE_MONEY)
    refusals = may_be_refusals(now) if answers else {"count": 0, "late": 0}
    context = {
        "today": calendar.date(),  # a moment would be shown in UTC
        "greeting": _greeting(calendar.hour),
        "sums": _sums(calendar.date()),
        "money": _collected(now),
        "needs": needs,
        "refunds": refunds,
        "limits": limits,
        "alarms": alarms() if sees_money else {},
        "check": MoneyCheck.objects.made().first() if sees_money else None,
        "refusals": refusals,
        "todo_count": len(needs) + len(refunds) + len(limits) + bool(refusals["count"]),
        "overdue": list(_overdue(calendar.date())),
    }
    return render(request, "pages/home.html", context)


def may_be_refusals(now: dt.datetime) -> dict[str, int]:
    """How many texts wait for staff to decide whether they are refusals, and how many wait too
    long.

    `now` is in the tenant's time zone. Weekends and federal holidays do not count.
    """
    day = now.date()
    while banking_days.after(day, LATE) > now.date():
        day -= banking_days.DAY
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    end_of_day = midnight - (now.date() - day - banking_days.DAY)
    late = Count("pk", filter=Q(received_at__lt=end_of_day))
    return InboundText.objects.to_review().aggregate(count=Count("pk"), late=late)


def _greeting(hour: int) -> str:
    if hour < 12:
        return "Good morning"
    return "Good afternoon" if hour < 18 else "Good evening"


def _sums(today: dt.date) -> dict[str, Decimal | int]:
    late = Q(due_on__lt=today)
    sums = Invoice.objects.open().aggregate(
        count=Count("pk"),
        owed=Sum(OWED),
        late_count=Count("pk", filter=late),
        late=Sum(OWED, filter=late),
    )
    return {name: value or 0 for name, value in sums.items()}


def _collected(now: dt.datetime) -> dict[str, Decimal | int]:
    status = Payment.Status
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = Q(status__in=[status.CAPTURED, status.SETTLED], resolved_at__gte=midnight)
    today |= Q(status=status.CLEARED, settled_at__gte=midnight)
    clearing = Q(status=status.STARTED)
    sums = Payment.objects.booked().aggregate(
        today=Sum(KEPT, filter=today),
        today_count=Count("pk", filter=today),
        clearing=Sum("amount", filter=clearing),
        clearing_count=Count("pk", filter=clearing),
    )
    return {name: value or 0 for name, value in sums.items()}


def _needs() -> list[Invoice]:
    """Unresolved payments first, then returned or excess money, then undelivered texts."""
    every = Invoice.objects.all()
    kinds = (in_flight(every), came_back(every), every.overpaid(), undelivered(every))
    found = (invoice for kind in kinds for invoice in with_status_summary(kind)[:MOST])
    return list({invoice.pk: invoice for invoice in found}.values())


def _refunds() -> list[Refund]:
    """Refunds that wait for a second person, have no outcome, or were returned."""
    waiting = Refund.objects.for_people()
    return list(waiting.select_related("payment__invoice__customer", "requested_by")[:MOST])


def _limits_changed(request: StaffRequest, now: dt.datetime) -> list[AuditEntry]:
    """Recent changes by others to the limit above which a refund needs two people."""
    entries = AuditEntry.objects.about(request.tenant.audit_subject)
    lately = entries.filter(action=LIMIT_CHANGED, created_at__gt=now - LIMIT_SHOWN_FOR)
    return list(lately.exclude(actor=request.user)[:MOST])


def _overdue(today: dt.date) -> InvoiceQuerySet:
    return with_status_summary(Invoice.objects.overdue(today)).order_by("due_on", "pk")[:MOST]
