"""Twilio's webhook for inbound texts."""

from __future__ import annotations

import logging
import re

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_scopes import scope

from sms.inbox.receive import Incoming, receive
from sms.models import InboundText, TwilioAccount
from sms.twilio.webhooks import MOST_BYTES, SID, forbidden, refuse
from tenants.plain_text import plain

log = logging.getLogger(__name__)
NUMBER = re.compile(r"\+?[0-9]{3,15}")
MOST_MEDIA = 99
NO_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


@csrf_exempt
@require_POST
def inbound(request: HttpRequest) -> HttpResponse:
    """One inbound text. Idempotent: a repeated request changes nothing.

    Responds with empty TwiML; an answer goes out as a text of our own.
    """
    account = account_of(request) if len(request.body) <= MOST_BYTES else None
    if account is None:
        return forbidden("a text to no company of ours")
    refusal = refuse(request, account, "a text from a handset")
    if refusal is not None:
        return refusal
    with scope(tenant=account.tenant):
        text, new = receive(account.tenant, incoming(request, account))
        log.info("Text %s %s", text.public_id, "received" if new else "was known")
    return HttpResponse(NO_ANSWER, content_type="text/xml")


def account_of(request: HttpRequest) -> TwilioAccount | None:
    """The company's account, by messaging service or else by number.

    A messaging service has many numbers, and we know none of them. So an account that only one
    company uses decides by itself.
    """
    sid = request.POST.get("AccountSid", "")
    service, to = request.POST.get("MessagingServiceSid", ""), request.POST.get("To", "")
    rows = list(TwilioAccount.objects.filter(account_sid=sid).select_related("tenant")[:100])
    named = [row for row in rows if service and row.messaging_service_sid == service]
    named = named or [row for row in rows if to and row.sender == to]
    if sid and len(rows) == 1:
        return rows[0]
    return named[0] if named else None


def incoming(request: HttpRequest, account: TwilioAccount) -> Incoming:
    """The text of a signed request. Raises Http404 for no text, or another company's SID."""
    form = request.POST
    sid, number = form.get("MessageSid", ""), form.get("From", "")
    theirs = InboundText._base_manager.filter(sid=sid).exclude(tenant=account.tenant)
    if not SID.fullmatch(sid) or not NUMBER.fullmatch(number) or theirs.exists():
        log.warning("A signed request holds no text for this company")
        raise Http404
    media = form.get("NumMedia", "")
    return Incoming(
        sid=sid,
        number=number,
        to=form.get("To", "")[:16],
        body=plain(form.get("Body", "")),
        media=min(int(media), MOST_MEDIA) if re.fullmatch(r"[0-9]{1,4}", media) else 0,
        opt_out_type=form.get("OptOutType", ""),
    )
