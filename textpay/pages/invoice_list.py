"""The list of invoices."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Count, F, Q, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit import clock
from invoices.models import Invoice
from tenants.access import Permission, staff
from tenants.requests import StaffRequest
from textpay.pages.invoice_filters import CHOICES, FILTERS, find
from textpay.pages.status_summary import with_status_summary

PER_PAGE = 25


@require_safe
@staff(Permission.VIEW_INVOICES)
def index(request: StaffRequest) -> HttpResponse:
    """All invoices, newest first, or those that match the filters."""
    words = request.GET.get("q", "").strip()[:80]
    status = request.GET.get("status", "")
    found = find(words, status, clock.today(request.tenant.zone))
    sums = found.aggregate(
        count=Count("pk"), owed=Sum(F("total") - F("paid"), filter=Q(status=Invoice.Status.OPEN))
    )
    pages = Paginator(with_status_summary(found), PER_PAGE)
    pages.count = sums["count"]  # counted with the sum, in one query
    context = {
        "page": pages.get_page(request.GET.get("page")),
        "owed": sums["owed"],
        "words": words,
        "status": status if status in FILTERS else "",
        "filters": CHOICES,
    }
    return render(request, "pages/invoice_list.html", context)
