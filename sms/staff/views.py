"""**Send Text**: the pop-up, its send check, the confirmation before a resend, and the sending."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, cast

from django.contrib import messages
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from audit import clock
from customers import phones
from invoices.models import Invoice, InvoiceError
from sms.compliance import line_type
from sms.compliance.eligibility import Reason, why_not_text
from sms.compliance.findings import moment
from sms.compliance.send_check import SendCheck, check
from sms.content.message_text import language_for, preview
from sms.models import TextMessage, TwilioAccount
from sms.outbox.queue import NeedsConfirmation
from sms.staff import send as sending
from sms.staff.forms import SendTextForm
from tenants.access import Permission, staff
from tenants.requests import StaffRequest
from tenants.templatetags import ui

SENT = "Invoice SMS sent successfully"


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Permission.SEND_TEXTS)
def send(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """GET shows **Send Text**, POST sends, asking first when the invoice was texted before."""
    invoice = _load(public_id)
    if reason := why_not_text(invoice, request.membership):
        return _refuse(request, invoice, reason)
    form = _form(request, invoice)
    if request.method != "POST":
        return _show(request, invoice, form, _look(invoice, form))
    if not form.is_valid():
        return _show(request, invoice, form, _look(invoice, form), status=422)
    try:
        message, new = _send(request, invoice, form)
    except sending.Refused as refused:
        return _show(request, invoice, form, refused.check, status=409)
    except NeedsConfirmation as question:
        return _confirm(request, invoice, form, question.last)
    except InvoiceError as error:
        return _refuse(request, invoice, Reason("nothing_to_pay", str(error)))
    _tell(request, message, form, new)
    return _done(request, invoice)


@require_POST
@staff(Permission.SEND_TEXTS)
def check_number(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """The send check alone, for the number that is chosen or being typed.

    A POST, so that no log holds the number. With `ask`, Twilio Lookup is asked first, where the
    company turned that on: the pop-up does so once it is open.
    """
    invoice = _load(public_id)
    form = _form(request, invoice)
    form.is_valid()
    if "ask" in request.POST and (number := _number(form)):
        line_type.ask(invoice.tenant, number)
    override = bool(form.cleaned_data.get("override")) and _may_override(request)
    context = _verdict(request, invoice, form, _look(invoice, form, override=override))
    return render(request, "sms/_check.html", {"invoice": invoice, "form": form, **context})


def _load(public_id: uuid.UUID) -> Invoice:
    rows = Invoice.objects.select_related("tenant", "customer")
    rows = rows.prefetch_related("customer__contacts")
    return get_object_or_404(rows, public_id=public_id)


def _form(request: StaffRequest, invoice: Invoice) -> SendTextForm:
    last = invoice.text_messages.first()
    return SendTextForm(
        request.POST if request.method == "POST" else None,
        customer=invoice.customer,
        seen=str(last.public_id) if last else "",
        initial={"to": request.GET.get("to", "")},
    )


def _number(form: SendTextForm) -> str:
    """The E.164 number to check; "" while none is typed that could be one."""
    if form.chosen is not None:
        return form.chosen.e164
    return str(form.cleaned_data["to"]) if form.is_bound and not form.errors else ""


def _look(invoice: Invoice, form: SendTextForm, *, override: bool = False) -> SendCheck | None:
    number = _number(form)
    return check(invoice, number, override=override) if number else None


def _may_override(request: StaffRequest) -> bool:
    return bool(request.membership and request.membership.allows(Permission.TEXT_AGAIN))


def _send(request: StaffRequest, invoice: Invoice, form: SendTextForm) -> tuple[TextMessage, bool]:
    data = form.cleaned_data
    return sending.send(
        invoice,
        to=data["to"],
        actor=request.user,
        key=data["key"],
        seen=data["seen"],
        confirmed=data["confirmed"],
        override=data["override"] and _may_override(request),
    )


def _tell(request: StaffRequest, message: TextMessage, form: SendTextForm, new: bool) -> None:
    if new or message.key == form.cleaned_data["key"]:
        sentence, now = SENT, clock.now()
        if message.not_before is not None and message.not_before > now:
            sentence = f"The text goes out {moment(message.not_before, request.tenant, now)}"
        told = cast(BaseStorage, messages.get_messages(request))
        if sentence not in [str(waiting) for waiting in told]:  # a double click is told once
            messages.success(request, sentence)
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
    request: StaffRequest,
    invoice: Invoice,
    form: SendTextForm,
    found: SendCheck | None,
    status: int = 200,
) -> HttpResponse:
    number = _number(form)
    context = {
        "invoice": invoice,
        "form": form,
        "text": preview(invoice, language_for(invoice.customer, number)),
        "sender": TwilioAccount.objects.get(tenant=request.tenant),
        "contact": invoice.customer.billing_contact,
        **_verdict(request, invoice, form, found),
    }
    if found is None and form.errors:  # which stand beside their fields
        context["hint"] = "Not checked yet. Correct the number first."
    return _render(request, "send", context, status)


def _verdict(
    request: StaffRequest, invoice: Invoice, form: SendTextForm, found: SendCheck | None
) -> dict[str, Any]:
    """What the send check says on the page, and what the button says with it."""
    limited = found is not None and (found.only_limits or found.lifted)
    button = "Send"
    if found is not None and found.not_before is not None:
        local = found.not_before.astimezone(request.tenant.zone)
        soon = found.not_before - clock.now() < dt.timedelta(hours=24)
        button = f"Send{'' if soon else f' on {local:%A}'} at {ui.clock(local)}"
    return {
        "found": found,
        "hint": "" if found else _hint(form),
        "may_override": limited and _may_override(request),
        "asks": "ask" not in request.POST and line_type.is_due(invoice.tenant, _number(form)),
        "button": button,
        # Without script nothing would ever give the button back.
        "forbidden": found is not None and found.red and bool(request.htmx),
    }


def _hint(form: SendTextForm) -> str:
    """What is missing of a number that is being typed."""
    if not form.is_bound or not form.data.get("number", "").strip():
        return "Type the number; it is checked as you go."
    return " ".join(str(error) for error in form.errors.get("number", [])) or "Choose a number."


def _confirm(
    request: StaffRequest, invoice: Invoice, form: SendTextForm, last: TextMessage
) -> HttpResponse:
    fields = {name: form.data.get(name, "") for name in ("to", "country", "number", "override")}
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
