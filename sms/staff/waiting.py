"""**Cancel**: taking a text back while it waits for its time."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from sms.models import InboundText, TextMessage
from tenants.access import Permission, staff
from tenants.requests import StaffRequest


@require_POST
@staff(Permission.SEND_TEXTS)
def cancel(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """Take one text back; says so when it has left meanwhile."""
    texts = TextMessage.objects.select_related("tenant", "invoice", "link")
    text = get_object_or_404(texts, public_id=public_id)
    was_cancelled = text.status == TextMessage.Status.CANCELLED
    if text.cancel(actor=request.user):
        messages.success(request, "The text was cancelled. Nothing was sent.")
    elif not was_cancelled:
        messages.error(request, "It was too late to cancel: the text has been handed to Twilio.")
    if text.invoice is None:
        theirs = InboundText.objects.filter(number=text.to).first()
        if theirs is None:
            return redirect("replies:inbox")
        return redirect("replies:conversation", theirs.public_id)
    return redirect("invoices:detail", text.invoice.public_id)
