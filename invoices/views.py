"""Staff forms and dialogs of an invoice. textpay/pages/ has the list and Invoice Details."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from audit.enqueue import enqueue
from customers.models import Customer
from invoices import tasks
from invoices.forms import (
    EmailForm,
    InvoiceForm,
    LineFormSet,
    NewInvoiceForm,
    PromiseForm,
    VoidForm,
)
from invoices.models import Invoice, InvoiceEmail, InvoiceError, ReadPayments
from tenants.access import Permission, staff
from tenants.form_keys import makes_once, not_confirmed
from tenants.requests import StaffRequest
from tenants.versions import for_change, holds_its_row


@staff(Permission.EDIT_INVOICES)
@makes_once
def create(request: StaffRequest) -> HttpResponse:
    """A new invoice, open for payment as soon as it is saved."""
    asked = _asked_customer(request)
    form = NewInvoiceForm(request.POST or None, tenant=request.tenant, customer=asked)
    lines = LineFormSet(request.POST or None)
    context = {"form": form, "lines": lines, "customers": Customer.objects.exists()}
    similar = _similar(request, form, lines)
    if similar and not_confirmed(request, similar):
        words = (
            f"{similar.number} for this customer over the same amount was made less than a day ago."
        )
        context |= {"similar": similar, "similar_words": words}
        return render(request, "invoices/edit.html", context, status=422)
    if saved := _save(request, form, lines, partial(form.write, lines, request.user)):
        messages.success(request, f"Invoice {saved.number} created")
        return redirect("invoices:detail", saved.public_id)
    return render(request, "invoices/edit.html", context, status=_status(form, lines))


@staff(Permission.EDIT_INVOICES)
@holds_its_row
def edit(request: StaffRequest, public_id: uuid.UUID, read_payments: ReadPayments) -> HttpResponse:
    """Change the description, dates and lines of an invoice, never below the paid amount."""
    invoice = for_change(request, Invoice.objects.with_lines(), public_id=public_id)
    form = InvoiceForm(request.POST or None, instance=invoice)
    lines = LineFormSet(request.POST or None, invoice=invoice)
    save = partial(form.save_as, lines, request.user, read_payments)
    if saved := _save(request, form, lines, save):
        messages.success(request, f"Invoice {saved.number} saved")
        return redirect("invoices:detail", saved.public_id)
    context = {"form": form, "lines": lines, "invoice": invoice}
    return render(request, "invoices/edit.html", context, status=_status(form, lines))


@staff(Permission.EDIT_INVOICES)
def void(request: StaffRequest, public_id: uuid.UUID, read_payments: ReadPayments) -> HttpResponse:
    """Void an invoice, with the reason."""
    invoice = _load(public_id)
    form = VoidForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            invoice.void(actor=request.user, reason=reason, read_payments=read_payments)
        except InvoiceError as error:
            form.add_error(None, ValidationError(str(error)))
        else:
            messages.success(request, f"Invoice {invoice.number} is void")
            return _done(request, invoice)
    return _dialog(request, "void", form, invoice)


@staff(Permission.EDIT_INVOICES)
@holds_its_row
def promise(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Record the day on which the customer will pay; an empty day withdraws it."""
    invoice = for_change(request, Invoice.objects.all(), public_id=public_id)
    form = PromiseForm(request.POST or None, invoice=invoice)
    if request.method == "POST" and form.is_valid():
        day = form.cleaned_data["promised_on"]
        try:
            invoice.promise(day, actor=request.user)
        except InvoiceError as error:
            form.add_error(None, ValidationError(str(error)))
        else:
            messages.success(request, "Promise to pay saved" if day else "Promise to pay removed")
            return _done(request, invoice)
    return _dialog(request, "promise", form, invoice)


@staff(Permission.SEND_EMAILS)
def send_email(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Send Email**: the invoice with its pay link, to the billing contact or another address."""
    invoice = _load(public_id)
    contact = invoice.customer.billing_contact
    form = EmailForm(request.POST or None, initial={"to": contact.email if contact else ""})
    if request.method == "POST" and form.is_valid():
        try:
            email, new = InvoiceEmail.objects.queue(
                invoice, actor=request.user, **form.cleaned_data
            )
        except InvoiceError as error:
            form.add_error(None, ValidationError(str(error)))
        else:
            if new:
                enqueue(tasks.send_email, email.pk)
            messages.success(request, f"Email to {email.to} is on its way")
            return _done(request, invoice)
    return _dialog(request, "send_email", form, invoice)


@require_POST
@staff(Permission.EXPIRE_LINKS)
def expire_link(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Expire Link**: the link of the text stops working at once."""
    invoice = _load(public_id)
    link = invoice.live_link
    if link is not None and link.expire(actor=request.user):
        messages.success(request, "Link expired")
    else:
        messages.info(request, "There was no active link to expire")
    return redirect("invoices:detail", invoice.public_id)


def _load(public_id: uuid.UUID) -> Invoice:
    return get_object_or_404(Invoice.objects.with_lines(), public_id=public_id)


def _save(
    request: StaffRequest,
    form: InvoiceForm | NewInvoiceForm,
    lines: LineFormSet,
    save: Callable[[], Invoice],
) -> Invoice | None:
    """Save both forms when both are valid; a refusal by the invoice becomes a form error."""
    if request.method != "POST" or not (form.is_valid() and lines.is_valid()):
        return None
    try:
        return save()
    except InvoiceError as error:
        form.add_error(None, ValidationError(str(error)))
        return None


def _similar(request: StaffRequest, form: NewInvoiceForm, lines: LineFormSet) -> Invoice | None:
    """An invoice like the new one that was made lately; None when the form has errors."""
    if request.method != "POST" or not (form.is_valid() and lines.is_valid()):
        return None
    total = lines.total + form.cleaned_data["tax"]
    return Invoice.objects.similar(form.cleaned_data["customer"], total).first()


def _dialog(
    request: StaffRequest, name: str, form: EmailForm | PromiseForm | VoidForm, invoice: Invoice
) -> HttpResponse:
    """A form in the page's dialog, or as a page of its own without scripts."""
    template = f"invoices/_{name}.html" if request.htmx else f"invoices/{name}.html"
    context = {"form": form, "invoice": invoice}
    return render(request, template, context, status=422 if form.errors else 200)


def _done(request: StaffRequest, invoice: Invoice) -> HttpResponse:
    """Back to the invoice, from a dialog or from a page."""
    address = reverse("invoices:detail", args=[invoice.public_id])
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


def _status(form: InvoiceForm, lines: LineFormSet) -> int:
    wrong = form.is_bound and (form.errors or not lines.is_valid())
    return 422 if wrong else 200


def _asked_customer(request: StaffRequest) -> str:
    """The customer in `?customer=`, when there is one."""
    try:
        return str(uuid.UUID(request.GET.get("customer", "")))
    except ValueError:
        return ""
