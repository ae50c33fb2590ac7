"""Payments for staff: request and release refunds, record cash and checks."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from invoices.models import Invoice
from payments.checkout import charge
from payments.models import CannotRefund, Payment, Refund
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.settlement import status
from payments.staff.cash import CannotRecord, record_by_hand
from payments.staff.forms import GiveBackForm, RecordForm, RepaidForm, StepUpForm, VoidRecordForm
from payments.staff.notes import note
from tenants.access import Permission, staff
from tenants.requests import StaffRequest


@require_http_methods(["GET", "POST"])
@staff(Permission.REFUND_PAYMENTS)
def give_back(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Void** or **Refund**: all or part of one payment."""
    payment = _payment(public_id)
    form = GiveBackForm(request.POST or None, payment=payment, user=request.user)
    if request.method == "POST" and form.is_valid():
        if payment.is_unsettled:
            status.poll(payment)  # the batch may have settled since the last poll
        try:
            refund, is_new = request_refund(
                payment,
                actor=request.user,
                **{name: form.cleaned_data[name] for name in ("amount", "reason", "key")},
            )
        except CannotRefund as refused:
            form.add_error(None, ValidationError(str(refused)))
        else:
            if is_new:
                execute.send(refund)
            return _back_with_message(request, refund)
    before = payment.refunds.total_refunded()
    return _dialog(request, "give_back", form, payment.invoice, payment=payment, before=before)


@require_http_methods(["GET", "POST"])
@staff(Permission.RELEASE_REFUNDS, Permission.REFUND_PAYMENTS)
def release(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """A second person releases or refuses a refund above the tenant's limit.

    The requester may only withdraw it.
    """
    refund = _refund(public_id)
    is_mine = refund.requested_by_id == request.user.pk
    if not is_mine and not request.membership.allows(Permission.RELEASE_REFUNDS):
        raise PermissionDenied(str(Permission.RELEASE_REFUNDS.label))
    form = StepUpForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("decision") == "cancel":
                refund.cancel(actor=request.user)
            elif refund.release(actor=request.user):
                execute.send(refund)
        except CannotRefund as refused:
            form.add_error(None, ValidationError(str(refused)))
        else:
            return _back_with_message(request, refund)
    before = refund.payment.refunds.exclude(pk=refund.pk).total_refunded()
    invoice = refund.payment.invoice
    return _dialog(request, "release", form, invoice, refund=refund, before=before)


@require_http_methods(["GET", "POST"])
@staff(Permission.RECORD_PAYMENTS)
def record(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Record Payment**: cash or a check that the office received."""
    invoice = get_object_or_404(Invoice.objects.select_related("tenant"), public_id=public_id)
    today = timezone.now().astimezone(request.tenant.zone).date()
    form = RecordForm(request.POST or None, balance=invoice.balance, today=today)
    if request.method == "POST" and form.is_valid():
        try:
            payment, _ = record_by_hand(invoice, actor=request.user, **form.cleaned_data)
        except CannotRecord as refused:
            form.add_error(None, ValidationError(str(refused)))
        else:
            messages.success(request, f"${payment.amount:,.2f} recorded")
            return _done(request, invoice)
    checked = Payment.objects.filter(invoice=invoice).in_flight().first()
    return _dialog(request, "record", form, invoice, checked=checked)


@require_http_methods(["GET", "POST"])
@staff(Permission.RECORD_PAYMENTS)
def void_record(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Remove a payment that was recorded by hand; its audit entry stays."""
    payment = _payment(public_id)
    if not payment.is_by_hand:
        raise Http404
    form = VoidRecordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if payment.mark_voided(actor=request.user, reason=form.cleaned_data["reason"]):
            messages.success(
                request, f"{payment.account_label} was voided; the balance is due again"
            )
        else:
            messages.info(request, "It was already voided")
        return _done(request, payment.invoice)
    return _dialog(request, "void_record", form, payment.invoice, payment=payment)


def _payment(public_id: uuid.UUID) -> Payment:
    found = Payment.objects.select_related("tenant__cardconnect", "invoice__customer")
    return get_object_or_404(found, public_id=public_id)


def _refund(public_id: uuid.UUID) -> Refund:
    found = Refund.objects.select_related(
        "tenant", "requested_by", "payment__tenant__cardconnect", "payment__invoice__customer"
    )
    return get_object_or_404(found, public_id=public_id)


def _back_with_message(request: StaffRequest, refund: Refund) -> HttpResponse:
    """Back to the invoice, with the outcome in words: whether money moved."""
    refund.refresh_from_db()
    level = {Refund.Status.DONE: messages.success, Refund.Status.DECLINED: messages.error}
    level.get(Refund.Status(refund.status), messages.info)(request, refund.outcome_message)
    return _done(request, refund.payment.invoice)


def _done(request: StaffRequest, invoice: Invoice) -> HttpResponse:
    address = reverse("invoices:detail", args=[invoice.public_id])
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


def _dialog(
    request: StaffRequest, name: str, form: forms.Form, invoice: Invoice, **more: object
) -> HttpResponse:
    """A form in the page's dialog, or as a page of its own without scripts."""
    part = f"payments/staff/_{name}.html"
    context = {"form": form, "invoice": invoice, "part": part, **more}
    template = part if request.htmx else "payments/staff/page.html"
    return render(request, template, context, status=422 if form.errors else 200)


@require_POST
@staff(Permission.REFUND_PAYMENTS)
def ask_payment(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Check with CardConnect again** about a payment without an outcome, and show its status."""
    payment = _payment(public_id)
    if payment.is_in_flight:
        charge.inquire(payment)
        payment.refresh_from_db()
    level = messages.warning if payment.is_in_flight else messages.info
    message = f"{payment.account_label}: {payment.get_status_display()}. {_why(payment)}"
    level(request, message.strip())
    return redirect("invoices:detail", payment.invoice.public_id)


def _why(payment: Payment) -> str:
    if payment.is_in_flight:
        return "CardConnect has no news. Textpay keeps checking automatically."
    return note(payment)


@require_POST
@staff(Permission.REFUND_PAYMENTS)
def ask_refund(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Check with CardConnect again** about an open refund, and show whether money moved."""
    refund = _refund(public_id)
    execute.inquire(refund)
    return _back_with_message(request, refund)


@require_http_methods(["GET", "POST"])
@staff(Permission.REFUND_PAYMENTS)
def repaid(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Paid another way**: a returned refund was repaid by other means."""
    refund = _refund(public_id)
    form = RepaidForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            refund.repay(form.cleaned_data["how"], actor=request.user)
        except CannotRefund as refused:
            form.add_error(None, ValidationError(str(refused)))
        else:
            refund.refresh_from_db()
            messages.success(request, refund.outcome_message)
            return _done(request, refund.payment.invoice)
    return _dialog(request, "repaid", form, refund.payment.invoice, refund=refund)
