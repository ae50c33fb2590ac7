"""Record what Twilio says about a text: in its answer, in a status report, or when polled."""

from __future__ import annotations

from sms.error_codes import OPTED_OUT, explain
from sms.models import OptOut, TextMessage
from sms.models.opt_out import opt_out
from sms.twilio.client import Accepted


def record_opt_out(message: TextMessage, code: int | None) -> None:
    """Store an opt-out when Twilio refused the text because the number replied STOP (21610).

    Called before the text's own end is recorded, so that a crash in between loses nothing. A START
    received since the text went out wins, however often the refusal is reported again.
    """
    if not code or explain(code).kind != OPTED_OUT:
        return
    went_out = message.claimed_at or message.queued_at
    if not OptOut.objects.resumed_since(message.tenant, message.to, went_out):
        opt_out(message.tenant, message.to, source=OptOut.Source.TWILIO)


def record_report(message: TextMessage, status: str, sid: str, code: int | None) -> bool:
    """Record a status and an opt-out that it implies; the rest is as for TextMessage.report."""
    record_opt_out(message, code)
    return message.report(status, sid, code)


def record_state(message: TextMessage, known: Accepted) -> None:
    """Record all that Twilio stores about a text, including its price once there is one."""
    message.mark_sent(known.sid, segments=known.segments, sender=known.sender)
    record_report(message, known.status, known.sid, known.error_code)
    message.record_price(known.price, known.price_unit, known.segments)
