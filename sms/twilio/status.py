"""What Twilio says of a text, however it says it: at once, by a callback or when asked."""

from __future__ import annotations

from sms.error_codes import OPTED_OUT, explain
from sms.models import OptOut, TextMessage
from sms.models.opt_out import opt_out
from sms.twilio.client import Accepted


def learn(message: TextMessage, code: int | None) -> None:
    """Remember for all texts to come what this refusal says about the number.

    Before the text's own end is booked, so that a crash in between loses nothing. Who has texted
    START since this text went out has the last word, however often the refusal is told again.
    """
    if not code or explain(code).kind != OPTED_OUT:
        return
    went_out = message.claimed_at or message.queued_at
    if not OptOut.objects.resumed_since(message.tenant, message.to, went_out):
        opt_out(message.tenant, message.to, source=OptOut.Source.TWILIO)


def book(message: TextMessage, status: str, sid: str, code: int | None) -> bool:
    """Book a state Twilio names and what it teaches; as TextMessage.report."""
    learn(message, code)
    return message.report(status, sid, code)


def adopt(message: TextMessage, known: Accepted) -> None:
    """Book all that Twilio's record says of a text, its price too once there is one."""
    message.mark_sent(known.sid, segments=known.segments, sender=known.sender)
    book(message, known.status, known.sid, known.error_code)
    message.book_price(known.price, known.price_unit, known.segments)
