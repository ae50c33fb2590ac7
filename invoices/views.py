"""Invoices, for staff: the list, Invoice Details, and what can be done there."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, F, Q, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from audit import clock
from audit.enqueue import enqueue
from audit.models import AuditEntry
from customers.models import Customer
from invoices import tasks
from invoices.filters import CHOICES, FILTERS, find
from invoices.forms import (
    EmailForm,
    InvoiceForm,
    LineFormSet,
    NewInvoiceForm,
    PromiseForm,
    VoidForm,
)
from invoices.models import Invoice, InvoiceEmail, InvoiceError
from tenants.access import Permission, staff
from tenants.live import Regions, nothing_new
from tenants.requests import StaffRequest

PER_PAGE = 25
HISTORY = 100
LIVE = {
    "head": "invoices/_head.html",
    "balance": "invoices/_balance.html",
    "actions": "invoices/_actions.html",
    "rail": "sms/_rail.html",
    "lines": "invoices/_lines.html",
    "other": "sms/_other_information.html",
    "payments": "payments/_history.html",
    "audit": "audit/_timeline.html",
}


@require_safe
@staff(Permission.VIEW_INVOICES)
def index(request: StaffRequest) -> HttpResponse:
    """All invoices, newest first, or those that were searched for."""
    words = request.GET.get("q", "").strip()[:80]
    status = request.GET.get("status", "")
    found = find(words, status, clock.today(request.tenant.zone))
    sums = found.aggregate(
        count=Count("pk"), owed=Sum(F("total") - F("paid"), filter=Q(status=Invoice.Status.OPEN))
    )
    pages = Paginator(found.with_standing(), PER_PAGE)
    pages.count = sums["count"]  # counted with the sum, in one query
    context = {
        "page": pages.get_page(request.GET.get("page")),
        "owed": sums["owed"],
        "words": words,
        "status": status if status in FILTERS else "",
        "filters": CHOICES,
    }
    return render(request, "invoices/list.html", context)


@require_safe
@staff(Permission.VIEW_INVOICES)
def detail(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """**Invoice Details**. Keeps itself up to date."""
    invoice = _load(public_id)
    context = {"invoice": invoice, "live": _live(request, invoice)}
    return render(request, "invoices/detail.html", context)


@require_safe
@staff(Permission.VIEW_INVOICES)
def live(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """What changed on an open Invoice Details page; 204 when nothing did.

    Asked every second by every open page: while no history grows it renders nothing.
    """
    row = get_object_or_404(Invoice.objects.only("customer_id"), public_id=public_id)
    customer = f"customer:{row.customer_id}"
    stamp = AuditEntry.objects.stamp(row.audit_subject, customer, request.tenant.audit_subject)
    if nothing_new(request, stamp):
        return HttpResponse(status=204)
    return _live(request, _load(public_id)).answer(request, stamp)


@staff(Permission.EDIT_INVOICES)
def create(request: StaffRequest) -> HttpResponse:
    """A new invoice, open for payment as soon as it is saved."""
    form = NewInvoiceForm(
        request.POST or None, tenant=request.tenant, initial={"customer": _asked_customer(request)}
    )
    lines = LineFormSet(request.POST or None)
    if saved := _save(request, form, lines):
        messages.success(request, f"Invoice {saved.number} created")
        return redirect("invoices:detail", saved.public_id)
    context = {"form": form, "lines": lines, "customers": Customer.objects.exists()}
    return render(request, "invoices/edit.html", context, status=_status(form, lines))


@staff(Permission.EDIT_INVOICES)
def edit(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Change the words, dates and lines of an invoice, never below what was paid."""
    invoice = _load(public_id)
    form = InvoiceForm(request.POST or None, instance=invoice)
    lines = LineFormSet(request.POST or None, invoice=invoice)
    if saved := _save(request, form, lines):
        messages.success(request, f"Invoice {saved.number} saved")
        return redirect("invoices:detail", saved.public_id)
    context = {"form": form, "lines": lines, "invoice": invoice}
    return render(request, "invoices/edit.html", context, status=_status(form, lines))


@staff(Permission.EDIT_INVOICES)
def void(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Take an invoice back, with the reason."""
    invoice = _load(public_id)
    form = VoidForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invoice.void(actor=request.user, reason=form.cleaned_data["reason"])
        except InvoiceError as error:
            form.add_error(None, ValidationError(str(error)))
        else:
            messages.success(request, f"Invoice {invoice.number} is void")
            return _done(request, invoice)
    return _dialog(request, "void", form, invoice)


@staff(Permission.EDIT_INVOICES)
def promise(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Note the day on which the customer will pay; an empty day takes it back."""
    invoice = _load(public_id)
    first = {"promised_on": invoice.promised_on}
    form = PromiseForm(request.POST or None, tenant=request.tenant, initial=first)
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
    """**Expire Link**: the customer can no longer pay from the text, at once."""
    invoice = _load(public_id)
    link = invoice.live_link
    if link is not None and link.expire(actor=request.user):
        messages.success(request, "Link expired")
    else:
        messages.info(request, "There was no active link to expire")
    return redirect("invoices:detail", invoice.public_id)


def _load(public_id: uuid.UUID) -> Invoice:
    return get_object_or_404(Invoice.objects.with_history(), public_id=public_id)


def _live(request: StaffRequest, invoice: Invoice) -> Regions:
    history = AuditEntry.objects.about(invoice.audit_subject)[:HISTORY]
    return Regions(request, LIVE, {"invoice": invoice, "history": list(history)})


def _save(request: StaffRequest, form: InvoiceForm, lines: LineFormSet) -> Invoice | None:
    """Save both when both are right; what the invoice itself refuses becomes the form's error."""
    if request.method != "POST" or not (form.is_valid() and lines.is_valid()):
        return None
    try:
        return form.save_as(lines, request.user)
    except InvoiceError as error:
        form.add_error(None, ValidationError(str(error)))
        return None


def _dialog(
    request: StaffRequest, name: str, form: EmailForm | PromiseForm | VoidForm, invoice: Invoice
) -> HttpResponse:
    """A form in the page's dialog, or as a page of its own without script."""
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
    """`?customer=` from a customer's page, when it is one."""
    try:
        return str(uuid.UUID(request.GET.get("customer", "")))
    except ValueError:
        return ""
