"""One invoice texted by a person, from the pop-up or the API. The caller checks the permission."""

from __future__ import annotations

import uuid

from django.db import transaction

from audit.enqueue import enqueue
from invoices.models import Invoice
from sms.compliance import line_type
from sms.compliance.findings import SendCheck
from sms.compliance.send_check import check
from sms.models import TextMessage
from sms.outbox.queue import queue_text
from sms.recipient import Recipient
from sms.tasks import deliver
from tenants.models import User


class Refused(Exception):
    """The send check forbids the text; nothing was sent."""

    def __init__(self, found: SendCheck) -> None:
        super().__init__(found.reason.sentence if found.reason else "")
        self.check = found


def send_text(
    invoice: Invoice,
    recipient: Recipient,
    *,
    actor: User,
    key: uuid.UUID,
    seen: str = "",
    confirmed: bool = False,
    override: bool = False,
) -> tuple[TextMessage, bool]:
    """Repeat the send check and queue one text; returns it and whether it is new.

    `override` lifts the limits on resending, for roles that may. The rest is as for `queue_text`.
    Raises Refused, NeedsConfirmation or InvoiceError.
    """
    line_type.look_up(invoice.tenant, recipient.number)
    with transaction.atomic():
        # Under the invoice's lock, so that no text is added after the check has counted them.
        row = invoice.locked()
        texts = TextMessage.objects.filter(tenant=row.tenant)
        repeated = texts.filter(key=key).exists()  # queue_text returns the text of that key
        if not repeated and (flying := texts.filter(invoice=row).in_flight().first()):
            return flying, False
        found = None if repeated else check(row, recipient, override=override)
        if found is not None and found.red:
            raise Refused(found)
        message, new = queue_text(
            row,
            recipient,
            actor=actor,
            key=key,
            seen=seen,
            confirmed=confirmed,
            not_before=found.not_before if found else None,
        )
        if new and found and found.lifted:
            message.record("text.sent_anyway", actor=actor)
        if new and not message.not_before:
            enqueue(deliver, message.pk)
    return message, new
