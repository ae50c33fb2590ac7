"""The page of a customer: balance, invoices, numbers and contacts."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from audit.models import AuditEntry
from customers.models import Customer
from tenants.access import Permission, staff
from tenants.live import Regions
from textpay.pages.status_summary import with_status_summary

LIVE = {
    "balance": "customers/_balance.html",
    "invoices": "pages/_customer_invoices.html",
    "numbers": "sms/_numbers.html",
    "audit": "pages/_timeline.html",
}
HISTORY = 50
MOST = 50


@require_safe
@staff(Permission.VIEW_CUSTOMERS)
def detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One customer: balance and invoices. Updates itself."""
    customer = _load(public_id)
    return render(
        request, "pages/customer.html", {"customer": customer, "live": _live(request, customer)}
    )


@require_safe
@staff(Permission.VIEW_CUSTOMERS)
def live(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The changed regions of an open customer page; 204 when nothing changed."""
    return _live(request, _load(public_id)).answer(request)


@require_safe
@staff(Permission.VIEW_CUSTOMERS)
def contacts(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The **Contacts** tab."""
    customer = _load(public_id)
    return render(request, "pages/customer_contacts.html", {"customer": customer})


def _load(public_id: uuid.UUID) -> Customer:
    return get_object_or_404(Customer.objects.with_contacts(), public_id=public_id)


def _live(request: HttpRequest, customer: Customer) -> Regions:
    invoices = list(with_status_summary(customer.invoices.all())[:MOST])
    context = {
        "customer": customer,
        "invoices": invoices,
        "invoice_count": customer.invoices.count(),
        "open_count": customer.invoices.open().count(),
        "history": AuditEntry.objects.about(customer.audit_subject)[:HISTORY],
    }
    return Regions(request, LIVE, context)
