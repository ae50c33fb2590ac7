"""Twilio's status reports. Nothing in a request is used before its signature is verified."""

from __future__ import annotations

import logging
import re
import uuid

from django.conf import settings
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_scopes import scope
from twilio.request_validator import (
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from audit.alarms import credentials_lost
from audit.prepared import ByKey
from sms.models import TextMessage, TwilioAccount
from sms.twilio.client import REPEAT_REPORTS
from sms.twilio.status import record_report
from tenants.secrets import SecretError

log = logging.getLogger(__name__)

MOST_BYTES = 32 * 1024
FORM = "application/x-www-form-urlencoded"
SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
# The columns that a report reads; Twilio sends three reports for each text.
TEXT = (
    *("kind", "status", "sid", "sender", "segments", "looks", "public_id", "to", "template"),
    *("error_code", "queued_at", "sent_at", "finished_at", "tenant", "customer", "invoice"),
    *("link", "sent_by", "link__hint", "tenant__slug"),
    *(f"tenant__twilio__{name}" for name in ("tenant", "account_sid", "auth_token_sealed")),
    "tenant__twilio__webhook_key_sealed",
)
_texts = ByKey(
    lambda: TextMessage._base_manager.select_related("tenant__twilio", "link").only(*TEXT),
    "public_id",
)


@csrf_exempt
@require_POST
def delivery_status(request: HttpRequest, message: uuid.UUID) -> HttpResponse:
    """One report on one text. Idempotent, in any order; 204 when it was recorded or known."""
    text = _texts.first(message)
    if text is None:
        raise Http404
    with scope(tenant=text.tenant):
        account: TwilioAccount | None = getattr(text.tenant, "twilio", None)
        if account is None:
            return forbidden(f"delivery report for text {message}")
        refusal = refuse(request, account, f"delivery report for text {message}")
        if refusal is not None:
            return refusal
        sid = check_subject(request, text, account)
        status = request.POST.get("MessageStatus", "")
        try:
            record_report(text, status, sid, error_code(request))
        except ValueError:
            log.warning("Delivery report for text %s with unknown status %.40r", message, status)
    return HttpResponse(status=204)


def refuse(request: HttpRequest, account: TwilioAccount, what: str) -> HttpResponse | None:
    """The response to a request that this account did not sign; None when it did.

    503 while the account's secret cannot be decrypted: Twilio repeats the request later.
    """
    try:
        return None if is_signed(request, account) else forbidden(what)
    except SecretError:
        credentials_lost(account.tenant, "Twilio")
        return HttpResponse("Try again later.", status=503, content_type="text/plain")


def forbidden(what: str) -> HttpResponse:
    """The response to a request that is not from the company's Twilio account."""
    log.warning("Twilio's signature does not fit: %s", what)
    return HttpResponseForbidden("The signature does not fit.", content_type="text/plain")


def is_signed(request: HttpRequest, account: TwilioAccount) -> bool:
    """Whether the company's own Twilio account sent this to exactly this address.

    Twilio signs with SHA-1 and the auth token, or with the algorithm in its settings header and the
    webhook key. The address is PUBLIC_BASE_URL's, never the Host header's. Whether Twilio signs the
    part after "#" is not documented, so both are accepted.
    """
    signature = request.headers.get("X-Twilio-Signature", "")
    is_form = request.content_type == FORM and len(request.body) <= MOST_BYTES
    if not (signature and is_form and account.is_complete):
        return False
    named = request.headers.get(SIGNATURE_SETTINGS_HEADER, "")
    secret = account.webhook_key if named else account.auth_token
    if not secret:
        return False
    address = settings.PUBLIC_BASE_URL + request.get_full_path()
    validator, algorithm = RequestValidator(secret), get_signature_algorithm(named)
    addresses = (address, address + REPEAT_REPORTS)
    return any(validator.validate(url, request.POST, signature, algorithm) for url in addresses)


def check_subject(request: HttpRequest, text: TextMessage, account: TwilioAccount) -> str:
    """Twilio's SID. Raises Http404 for a report about another text or account."""
    sid = request.POST.get("MessageSid", "")
    fits = (
        request.POST.get("AccountSid") == account.account_sid
        and request.POST.get("To", text.to) == text.to
        and SID.fullmatch(sid)
    )
    if not fits or not (text.sid == sid or accepts_sid(text, sid)):
        log.warning("Delivery report for text %s is about something else", text.public_id)
        raise Http404
    return sid


def accepts_sid(text: TextMessage, sid: str) -> bool:
    """Whether the text has no SID or this one, and no other text has this one.

    Reads the row again, because the worker or another report may have committed since.
    """
    rows = TextMessage._base_manager.filter(Q(pk=text.pk) | Q(sid=sid))
    found = dict(rows.values_list("pk", "sid"))
    return found.pop(text.pk, None) in ("", sid) and not found


def error_code(request: HttpRequest) -> int | None:
    code = request.POST.get("ErrorCode", "")
    return int(code) if re.fullmatch(r"[1-9][0-9]{0,5}", code) else None
