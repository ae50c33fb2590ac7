"""Which kind of line a number is, asked of Twilio Lookup where a company turned that on."""

from __future__ import annotations

import datetime as dt
import logging

from django.utils import timezone

from sms.compliance.findings import no_texts
from sms.models import TextMessage, TextRules, TwilioAccount
from sms.models.number_lookup import NO_TEXTS, WORDS, NumberLookup
from sms.twilio import client
from sms.twilio.client import TwilioError
from tenants.models import Tenant

log = logging.getLogger(__name__)

CODE = 21614  # what Twilio says of a text to a line that can get none


def is_due(tenant: Tenant, number: str, now: dt.datetime | None = None) -> bool:
    """Whether Twilio would be asked about this number: turned on, and no fresh answer."""
    if not number or not TextRules.of(tenant).looks_up_numbers:
        return False
    return not NumberLookup.objects.fresh(tenant, number, now or timezone.now()).exists()


def ask_about(message: TextMessage) -> bool:
    """For the worker: ask about the number of a text unless it is known; whether that was done.

    Sends of many and reminders, which no pop-up checked, are caught here.
    """
    return _counts(message) and ask(message.tenant, message.to)


def why_not(message: TextMessage) -> str:
    """For the worker: why this line can get no text, as far as is known; "" when it may."""
    if not _counts(message):
        return ""
    known = NumberLookup.objects.types(message.tenant, [message.to], timezone.now())
    line = known.get(message.to, "")
    return f"{no_texts(WORDS[line])} Nothing was sent." if line in NO_TEXTS else ""


def _counts(message: TextMessage) -> bool:
    """Not for an answer: whoever has just texted from a number can be texted there."""
    if message.kind in (TextMessage.Kind.ANSWER, TextMessage.Kind.HELP):
        return False
    rules = getattr(message.tenant, "text_rules", None)  # read together with the text
    return rules is not None and rules.looks_up_numbers


def ask(tenant: Tenant, number: str) -> bool:
    """Ask Twilio about an E.164 number and keep the answer; False where that is off or known.

    Takes a few seconds at most. Whatever fails leaves the line unknown, and that forbids nothing.
    """
    if not is_due(tenant, number):
        return False
    account = TwilioAccount.objects.filter(tenant=tenant).first()
    if account is None or not account.is_complete:
        return False
    line_type = carrier = ""
    try:
        line_type, carrier = client.line_type(account, number)
    except TwilioError as error:
        log.warning("Twilio Lookup: %s", error.code or error.sentence)
    NumberLookup.objects.update_or_create(
        tenant=tenant,
        number=number,
        defaults={
            "line_type": line_type[:20],
            "carrier": carrier[:60],
            "looked_up_at": timezone.now(),
        },
    )
    return True
