"""What staff read below the status of a payment."""

from __future__ import annotations

from payments.gateway import decline_codes
from payments.models import Payment


def note(payment: Payment) -> str:
    """Why, for staff. Of a failed attempt: the bank's reason, not the sentence for the payer."""
    if payment.status not in (Payment.Status.DECLINED, Payment.Status.NOT_CHARGED):
        return payment.staff_note
    gateway = (payment.respproc, payment.respcode, payment.resptext)
    why = decline_codes.declined(*gateway, payment.reason, may_retry=payment.may_retry)
    if not why and payment.reason:
        why = f"The payer was told: “{payment.reason}”"
    code = " ".join(filter(None, gateway))
    return f"{why} {f'({code})' if code else ''}".strip()
