"""The first page after signing in: what came in, what is owed, and what needs a person."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from invoices.models import Invoice
from payments.models import Payment
from tenants.access import Permission, staff
from tenants.requests import StaffRequest

MOST = 8
OWED = F("total") - F("paid")


@require_safe
@staff(Permission.VIEW_INVOICES)
def home(request: StaffRequest) -> HttpResponse:
    """Four figures and the invoices that only a person can settle."""
    now = timezone.now().astimezone(request.tenant.zone)
    context = {
        "now": now,
        "greeting": _greeting(now.hour),
        "sums": _sums(now),
        "money": _collected(now),
        "needs": _needs(now.date()),
        "overdue": list(_overdue(now.date())),
    }
    return render(request, "home.html", context)


def _greeting(hour: int) -> str:
    if hour < 12:
        return "Good morning"
    return "Good afternoon" if hour < 18 else "Good evening"


def _sums(now: dt.datetime) -> dict[str, Any]:
    late = Q(due_on__lt=now.date())
    sums = Invoice.objects.open().aggregate(
        count=Count("pk"),
        owed=Sum(OWED),
        late_count=Count("pk", filter=late),
        late=Sum(OWED, filter=late),
    )
    return {name: value or 0 for name, value in sums.items()}


def _collected(now: dt.datetime) -> dict[str, Any]:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = Q(status=Payment.Status.CAPTURED, resolved_at__gte=midnight)
    clearing = Q(status=Payment.Status.STARTED)
    sums = Payment.objects.booked().aggregate(
        today=Sum("amount", filter=today),
        today_count=Count("pk", filter=today),
        clearing=Sum("amount", filter=clearing),
        clearing_count=Count("pk", filter=clearing),
    )
    return {name: value or 0 for name, value in sums.items()}


def _needs(today: dt.date) -> list[Invoice]:
    """Payments in doubt first, then texts that did not arrive."""
    unsettled = list(Invoice.objects.unsettled().with_standing()[:MOST])
    seen = {invoice.pk for invoice in unsettled}
    undelivered = Invoice.objects.undelivered().with_standing()[:MOST]
    return unsettled + [invoice for invoice in undelivered if invoice.pk not in seen]


def _overdue(today: dt.date) -> Any:
    return Invoice.objects.overdue(today).with_standing().order_by("due_on", "pk")[:MOST]
