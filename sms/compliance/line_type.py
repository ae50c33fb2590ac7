"""The line type of a number, from Twilio Lookup where the company turned that on."""

from __future__ import annotations

import datetime as dt
import logging

from django.utils import timezone

from sms.models import TextMessage, TextRules, TwilioAccount
from sms.models.number_lookup import NO_TEXTS, WORDS, NumberLookup, cannot_text
from sms.twilio import client
from sms.twilio.client import TwilioError
from tenants.models import Tenant

log = logging.getLogger(__name__)

CODE = 21614  # Twilio's code for a text to a landline


def is_due(tenant: Tenant, number: str, now: dt.datetime | None = None) -> bool:
    """Whether `look_up` would call Twilio: turned on, and no fresh answer stored."""
    if not number or not TextRules.of(tenant).looks_up_numbers:
        return False
    return not NumberLookup.objects.fresh(tenant, number, now or timezone.now()).exists()


def look_up_for(message: TextMessage) -> bool:
    """For the worker: look up the number of a text unless it is known; True when Twilio was called.

    No pop-up has looked up the numbers of bulk sends and reminders.
    """
    return _needs_lookup(message) and look_up(message.tenant, message.to)


def refusal(message: TextMessage) -> str:
    """For the worker: why this line can get no text, as far as is known; "" when it may."""
    if not _needs_lookup(message):
        return ""
    known = NumberLookup.objects.types(message.tenant, [message.to], timezone.now())
    line = known.get(message.to, "")
    return f"{cannot_text(WORDS[line])} Nothing was sent." if line in NO_TEXTS else ""


def _needs_lookup(message: TextMessage) -> bool:
    """False for an answer: whoever has just texted from a number can be texted there."""
    if message.kind in (TextMessage.Kind.ANSWER, TextMessage.Kind.HELP):
        return False
    rules = getattr(message.tenant, "text_rules", None)  # read with the text (select_related)
    return rules is not None and rules.looks_up_numbers


def look_up(tenant: Tenant, number: str) -> bool:
    """Look up an E.164 number at Twilio and store the answer; False where that is off or known.

    Takes a few seconds at most. A failure leaves the line type unknown, which forbids nothing.
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
