"""Which kind of line a number is, asked of Twilio Lookup where a company turned that on."""

from __future__ import annotations

import datetime as dt
import logging

from django.utils import timezone

from sms import twilio
from sms.findings import no_texts
from sms.lookups import NO_TEXTS, WORDS, NumberLookup
from sms.models import TextMessage, TextRules, TwilioAccount
from sms.twilio import TwilioError
from tenants.models import Tenant

log = logging.getLogger(__name__)


def is_due(tenant: Tenant, number: str, now: dt.datetime | None = None) -> bool:
    """Whether Twilio would be asked about this number: turned on, and no fresh answer."""
    if not number or not TextRules.of(tenant).looks_up_numbers:
        return False
    return not NumberLookup.objects.fresh(tenant, number, now or timezone.now()).exists()


def why_not(message: TextMessage) -> str:
    """For the worker: why this line can get no text, asking Twilio first where that is turned on.

    Sends of many and reminders, which no pop-up checked, are caught here.
    """
    rules = getattr(message.tenant, "text_rules", None)  # read together with the text
    if rules is None or not rules.looks_up_numbers:
        return ""
    ask(message.tenant, message.to)
    known = NumberLookup.objects.types(message.tenant, [message.to], timezone.now())
    line = known.get(message.to, "")
    return f"{no_texts(WORDS[line])} Nothing was sent." if line in NO_TEXTS else ""


def ask(tenant: Tenant, number: str) -> None:
    """Ask Twilio about an E.164 number, unless that is off or known, and keep the answer.

    Takes a few seconds at most. Whatever fails leaves the line unknown, and that forbids nothing.
    """
    if not is_due(tenant, number):
        return
    account = TwilioAccount.objects.filter(tenant=tenant).first()
    if account is None or not account.is_complete:
        return
    line_type = carrier = ""
    try:
        line_type, carrier = twilio.line_type(account, number)
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
