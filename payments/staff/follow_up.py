"""What staff do when money did not go as meant: ask CardConnect again, pay back another way."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from payments.checkout import charge
from payments.models import CannotRefund, Payment
from payments.refunding import execute
from payments.staff.forms import RepaidForm
from payments.staff.views import _dialog, _done, _payment, _refund, _told
from tenants.access import Permission, staff
from tenants.requests import StaffRequest


@require_POST
@staff(Permission.REFUND_PAYMENTS)
def ask_payment(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Ask CardConnect again** about a payment without an outcome, and say what it is now."""
    payment = _payment(public_id)
    if payment.is_in_flight:
        charge.ask(payment)
        payment.refresh_from_db()
    level = messages.warning if payment.is_in_flight else messages.info
    told = f"{payment.account_label}: {payment.get_status_display()}. {_why(payment)}"
    level(request, told.strip())
    return redirect("invoices:detail", payment.invoice.public_id)


def _why(payment: Payment) -> str:
    if payment.is_in_flight:
        return "CardConnect says nothing new. Textpay keeps asking by itself."
    return payment.staff_note


@require_POST
@staff(Permission.REFUND_PAYMENTS)
def ask_refund(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Ask CardConnect again** about a refund without an end, and say whether money moved."""
    refund = _refund(public_id)
    execute.ask(refund)
    return _told(request, refund)


@require_http_methods(["GET", "POST"])
@staff(Permission.REFUND_PAYMENTS)
def repaid(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Paid another way**: the customer has what the bank had sent back."""
    refund = _refund(public_id)
    form = RepaidForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            refund.repay(form.cleaned_data["how"], actor=request.user)
        except CannotRefund as refused:
            form.add_error(None, ValidationError(str(refused)))
        else:
            refund.refresh_from_db()
            messages.success(request, refund.told)
            return _done(request, refund.payment.invoice)
    return _dialog(request, "repaid", form, refund.payment.invoice, refund=refund)
