"""**Send Text**: the pop-up, the confirmation before a resend, and the sending."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib import messages
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from audit.enqueue import enqueue
from customers import phones
from invoices.models import Invoice, InvoiceError
from sms.forms import SendTextForm
from sms.models import NeedsConfirmation, TextMessage, TwilioAccount
from sms.reasons import Reason, why_not_text
from sms.tasks import deliver
from sms.wording import preview
from tenants.access import Permission, staff
from tenants.requests import StaffRequest

SENT = "Invoice SMS sent successfully"


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Permission.SEND_TEXTS)
def send(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """GET shows **Send Text**, POST sends, asking first when the invoice was texted before."""
    invoice = get_object_or_404(Invoice.objects.with_history(), public_id=public_id)
    if reason := why_not_text(invoice, request.membership):
        return _refuse(request, invoice, reason)
    form = _form(request, invoice)
    if request.method != "POST":
        return _show(request, invoice, form)
    if not form.is_valid():
        return _show(request, invoice, form, status=422)
    try:
        message, new = _queue(request, invoice, form)
    except NeedsConfirmation as question:
        return _confirm(request, invoice, form, question.last)
    except InvoiceError as error:
        return _refuse(request, invoice, Reason("nothing_to_pay", str(error)))
    _tell(request, message, form, new)
    return _done(request, invoice)


def _form(request: StaffRequest, invoice: Invoice) -> SendTextForm:
    last = invoice.text_messages.first()
    return SendTextForm(
        request.POST if request.method == "POST" else None,
        customer=invoice.customer,
        seen=str(last.public_id) if last else "",
        initial={"to": request.GET.get("to", "")},
    )


def _queue(request: StaffRequest, invoice: Invoice, form: SendTextForm) -> tuple[TextMessage, bool]:
    data = form.cleaned_data
    message, new = TextMessage.objects.queue(
        invoice,
        to=data["to"],
        actor=request.user,
        key=data["key"],
        seen=data["seen"],
        confirmed=data["confirmed"],
    )
    if new:
        enqueue(deliver, message.pk)
    return message, new


def _tell(request: StaffRequest, message: TextMessage, form: SendTextForm, new: bool) -> None:
    if new or message.key == form.cleaned_data["key"]:
        told = cast(BaseStorage, messages.get_messages(request))
        if SENT not in [str(waiting) for waiting in told]:  # a double click is told once
            messages.success(request, SENT)
        told.used = False
        return
    number = phones.national(message.to)
    messages.info(request, f"A text to {number} is on its way already. No second one was sent.")


def _done(request: StaffRequest, invoice: Invoice) -> HttpResponse:
    response = redirect("invoices:detail", invoice.public_id)
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": response["Location"]})
    return response


def _show(
    request: StaffRequest, invoice: Invoice, form: SendTextForm, status: int = 200
) -> HttpResponse:
    context = {
        "invoice": invoice,
        "form": form,
        "text": preview(invoice),
        "sender": TwilioAccount.objects.get(tenant=request.tenant),
        "contact": invoice.customer.billing_contact,
    }
    return _render(request, "send", context, status)


def _confirm(
    request: StaffRequest, invoice: Invoice, form: SendTextForm, last: TextMessage
) -> HttpResponse:
    fields = {name: form.data.get(name, "") for name in ("to", "country", "number")}
    fields |= {"key": uuid.uuid4(), "seen": last.public_id, "confirmed": "on"}
    return _render(request, "confirm", {"invoice": invoice, "last": last, "fields": fields}, 409)


def _refuse(request: StaffRequest, invoice: Invoice, reason: Reason) -> HttpResponse:
    status = 200 if request.method in ("GET", "HEAD") else 409
    return _render(request, "refused", {"invoice": invoice, "reason": reason}, status)


def _render(request: HttpRequest, name: str, context: dict[str, Any], status: int) -> HttpResponse:
    """Into the page's dialog, where an answer must be a good one to be shown; else as a page."""
    htmx = getattr(request, "htmx", False)
    template = f"sms/_{name}.html" if htmx else f"sms/{name}.html"
    return render(request, template, context, status=422 if htmx and status == 409 else status)
