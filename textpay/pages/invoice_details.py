"""**Invoice Details**: the invoice with its texts, payments, links and history."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from audit.models import AuditEntry
from invoices.models import Invoice
from tenants.access import Permission, staff
from tenants.live import Regions, nothing_new
from tenants.requests import StaffRequest

HISTORY = 100
LIVE = {
    "head": "pages/_invoice_head.html",
    "balance": "invoices/_balance.html",
    "actions": "pages/_invoice_actions.html",
    "rail": "sms/_rail.html",
    "lines": "invoices/_lines.html",
    "other": "sms/_other_information.html",
    "payments": "payments/_history.html",
    "audit": "pages/_timeline.html",
}
SHOWN = (
    "customer__contacts",
    "lines",
    "text_messages__sent_by",
    "links",
    "payments__refunds",
    "payments__recorded_by",
)


@require_safe
@staff(Permission.VIEW_INVOICES)
def detail(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Invoice Details**. Updates itself."""
    invoice = _load(public_id)
    context = {"invoice": invoice, "live": _live(request, invoice)}
    return render(request, "pages/invoice_details.html", context)


@require_safe
@staff(Permission.VIEW_INVOICES)
def live(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """The changed regions of an open Invoice Details page; 204 when nothing changed.

    Requested every second by every open page: while no history grows it renders nothing.
    """
    row = get_object_or_404(Invoice.objects.only("customer_id"), public_id=public_id)
    customer = f"customer:{row.customer_id}"
    stamp = AuditEntry.objects.stamp(row.audit_subject, customer, request.tenant.audit_subject)
    if nothing_new(request, stamp):
        return HttpResponse(status=204)
    return _live(request, _load(public_id)).answer(request, stamp)


def _load(public_id: uuid.UUID) -> Invoice:
    """The invoice with everything that the page shows, in a fixed number of queries."""
    rows = Invoice.objects.select_related("customer", "tenant").prefetch_related(*SHOWN)
    return get_object_or_404(rows, public_id=public_id)


def _live(request: StaffRequest, invoice: Invoice) -> Regions:
    history = AuditEntry.objects.about(invoice.audit_subject)[:HISTORY]
    context = {
        "invoice": invoice,
        "history": list(history),
        "why_asked_again": why_asked_again(invoice),
    }
    return Regions(request, LIVE, context)


def why_asked_again(invoice: Invoice) -> str:
    """The last reversal or refund of a paid invoice as a sentence; "" for none.

    Reads prefetched payments and refunds.
    """
    payments = invoice.payments.all()
    reversals = [(p.reversed_at, p.reversal) for p in payments if p.reversal]
    refunds = [
        (refund.resolved_at, f"${refund.total:,.2f} of the payment was refunded.")
        for payment in payments
        for refund in payment.refunds.all()
        if refund.is_given and refund.kind == refund.Kind.REFUND
    ]
    return max(reversals + refunds, default=(None, ""))[1]
