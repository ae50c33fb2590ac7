"""**Send Text**: the pop-up, its send check, the confirmation of a resend, sending, cancelling."""

from __future__ import annotations

import datetime as dt
import uuid

from django.contrib import messages
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from audit import clock
from customers import phones
from invoices.models import Invoice, InvoiceError
from sms.compliance import line_type
from sms.compliance.findings import Finding, SendCheck
from sms.compliance.send_check import check, refusal, when
from sms.content.message_text import preview
from sms.models import InboundText, TextMessage, TwilioAccount
from sms.outbox.queue import NeedsConfirmation
from sms.recipient import Recipient
from sms.staff.forms import SendTextForm
from sms.staff.send import Refused, send_text
from tenants.access import Permission, staff
from tenants.requests import StaffRequest
from tenants.templatetags import ui

SENT = "Invoice SMS sent successfully"


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Permission.SEND_TEXTS)
def send(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """GET shows **Send Text**. POST sends, after a confirmation when it was texted before."""
    invoice = _load(public_id)
    if reason := refusal(invoice, request.membership):
        return _refuse(request, invoice, reason)
    form = _form(request, invoice)
    recipient = form.recipient
    if recipient is None or not form.is_valid():
        found = check(invoice, recipient) if recipient else None
        status = 422 if request.method == "POST" else 200
        return _show(request, invoice, form, recipient, found, status)
    try:
        message, new = _send(request, invoice, recipient, form)
    except Refused as refused:
        return _show(request, invoice, form, recipient, refused.check, status=409)
    except NeedsConfirmation as question:
        return _confirm(request, invoice, form, question.last)
    except InvoiceError as error:
        return _refuse(request, invoice, Finding("red", "nothing_to_pay", str(error)))
    _show_message(request, message, form, new)
    return _done(request, invoice)


@require_POST
@staff(Permission.SEND_TEXTS)
def check_number(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """The result of the send check for the number that is chosen or being typed.

    A POST, so that no log holds the number. With `ask`, Twilio Lookup is called first, where the
    company turned that on: the pop-up does so once it is open.
    """
    invoice = _load(public_id)
    form = _form(request, invoice)
    form.is_valid()
    recipient = form.recipient
    if recipient and "ask" in request.POST:
        line_type.look_up(invoice.tenant, recipient.number)
    override = bool(form.cleaned_data.get("override")) and _may_override(request)
    found = check(invoice, recipient, override=override) if recipient else None
    context = {"invoice": invoice, "form": form, **_verdict(request, form, recipient, found)}
    return render(request, "sms/_check.html", context)


@require_POST
@staff(Permission.SEND_TEXTS)
def cancel(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Cancel a text that waits to be sent; says so when it has left meanwhile."""
    texts = TextMessage.objects.select_related("tenant", "invoice", "link")
    text = get_object_or_404(texts, public_id=public_id)
    was_cancelled = text.status == TextMessage.Status.CANCELLED
    if text.cancel(actor=request.user):
        messages.success(request, "The text was canceled. Nothing was sent.")
    elif not was_cancelled:
        messages.error(request, "It was too late to cancel. The text has been handed to Twilio.")
    if text.invoice is None:
        theirs = InboundText.objects.filter(number=text.to).first()
        if theirs is None:
            return redirect("replies:inbox")
        return redirect("replies:conversation", theirs.public_id)
    return redirect("invoices:detail", text.invoice.public_id)


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


def _may_override(request: StaffRequest) -> bool:
    return bool(request.membership and request.membership.allows(Permission.TEXT_AGAIN))


def _send(
    request: StaffRequest, invoice: Invoice, recipient: Recipient, form: SendTextForm
) -> tuple[TextMessage, bool]:
    data = form.cleaned_data
    return send_text(
        invoice,
        recipient,
        actor=request.user,
        key=data["key"],
        seen=data["seen"],
        confirmed=data["confirmed"],
        override=data["override"] and _may_override(request),
    )


def _show_message(
    request: StaffRequest, message: TextMessage, form: SendTextForm, new: bool
) -> None:
    if new or message.key == form.cleaned_data["key"]:
        sentence, now = SENT, clock.now()
        if message.not_before is not None and message.not_before > now:
            sentence = f"The text will go out {when(message.not_before, request.tenant, now)}"
        waiting = messages.get_messages(request)
        if sentence not in [str(each) for each in waiting]:  # a double click shows one message
            messages.success(request, sentence)
        if isinstance(waiting, BaseStorage):
            waiting.used = False  # reading them here must not remove them from the next page
        return
    number = phones.national(message.to)
    messages.info(request, f"A text to {number} is already on its way. No second one was sent.")


def _done(request: StaffRequest, invoice: Invoice) -> HttpResponse:
    response = redirect("invoices:detail", invoice.public_id)
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": response["Location"]})
    return response


def _show(
    request: StaffRequest,
    invoice: Invoice,
    form: SendTextForm,
    recipient: Recipient | None,
    found: SendCheck | None,
    status: int = 200,
) -> HttpResponse:
    # The text is in the recipient's language; the billing contact's while a number is typed.
    language = (recipient or Recipient.of(invoice.customer, "")).language
    context = {
        "invoice": invoice,
        "form": form,
        "text": preview(invoice, language),
        "sender": TwilioAccount.objects.get(tenant=request.tenant),
        "contact": invoice.customer.billing_contact,
        **_verdict(request, form, recipient, found),
    }
    if found is None and form.errors:  # the errors are shown beside their fields
        context["hint"] = "Not checked yet. Correct the number first."
    return _render(request, "send", context, status)


def _verdict(
    request: StaffRequest,
    form: SendTextForm,
    recipient: Recipient | None,
    found: SendCheck | None,
) -> dict[str, object]:
    """The result of the send check for the page, and the label of the button."""
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
        "asks": recipient is not None
        and "ask" not in request.POST
        and line_type.is_due(request.tenant, recipient.number),
        "button": button,
        # Without JavaScript nothing would enable the button again.
        "forbidden": found is not None and found.red and bool(request.htmx),
    }


def _hint(form: SendTextForm) -> str:
    """What a typed number lacks."""
    if not form.is_bound or not form.data.get("number", "").strip():
        return "Enter the number. It is checked as you type."
    return " ".join(str(error) for error in form.errors.get("number", [])) or "Choose a number."


def _confirm(
    request: StaffRequest, invoice: Invoice, form: SendTextForm, last: TextMessage
) -> HttpResponse:
    fields = {name: form.data.get(name, "") for name in ("to", "country", "number", "override")}
    fields |= {"key": uuid.uuid4(), "seen": last.public_id, "confirmed": "on"}
    return _render(request, "confirm", {"invoice": invoice, "last": last, "fields": fields}, 409)


def _refuse(request: StaffRequest, invoice: Invoice, reason: Finding) -> HttpResponse:
    status = 200 if request.method in ("GET", "HEAD") else 409
    return _render(request, "refused", {"invoice": invoice, "reason": reason}, status)


def _render(
    request: StaffRequest, name: str, context: dict[str, object], status: int
) -> HttpResponse:
    """In the open dialog, or as a page. The dialog shows a 422 but not a 409."""
    if not request.htmx:
        return render(request, f"sms/{name}.html", context, status=status)
    return render(request, f"sms/_{name}.html", context, status=422 if status == 409 else status)
