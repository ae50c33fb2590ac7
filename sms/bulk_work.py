"""The work of a bulk send: the send check for many invoices at once, and taking their turn."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from invoices.models import Invoice, InvoiceError
from sms.bulk import PORTION, BulkSend, BulkText
from sms.check import check_many
from sms.messages import TextMessage
from sms.queueing import NeedsConfirmation

NO_MOBILE = "The billing contact has no mobile number"


@dataclass
class Verdict:
    """What would happen to one invoice."""

    invoice: Invoice
    to: str
    reason: str = NO_MOBILE
    not_before: dt.datetime | None = None

    @property
    def may_go(self) -> bool:
        """Whether it would be texted, now or when quiet hours end."""
        return not self.reason

    @property
    def texted_before(self) -> bool:
        """Whether the customer has had a text about it; its link is replaced."""
        return any(text.went_out for text in self.invoice.text_messages.all())


def verdicts(invoices: QuerySet[Invoice]) -> list[Verdict]:
    """One for each invoice, in the order of the list, in a few queries for all of them."""
    rows = invoices.select_related("customer", "tenant").prefetch_related(
        "customer__contacts", "text_messages"
    )
    return judge(rows)


def judge(invoices: Iterable[Invoice]) -> list[Verdict]:
    """The verdicts of the send check at this moment."""
    found = [Verdict(invoice, _mobile(invoice)) for invoice in invoices]
    reachable = [one for one in found if one.to]
    checks = check_many([(one.invoice, one.to) for one in reachable])
    for one, check in zip(reachable, checks, strict=True):
        one.reason = check.reason.sentence if check.reason else ""
        one.not_before = check.not_before
    return found


def take(bulk: BulkSend, most: int = PORTION) -> list[TextMessage]:
    """Decide up to `most` waiting rows, skipping those another worker has; the new texts."""
    with transaction.atomic():
        waiting = bulk.rows.filter(outcome=BulkText.Outcome.WAITING)
        rows = list(
            waiting.select_for_update(skip_locked=True, of=("self",))
            .select_related("invoice__tenant", "invoice__customer")
            .prefetch_related("invoice__customer__contacts", "invoice__text_messages")[:most]
        )
        for row, verdict in zip(rows, judge(row.invoice for row in rows), strict=True):
            row.outcome, row.reason = BulkText.Outcome.LEFT_OUT, verdict.reason[:200]
            if verdict.may_go:
                _begin(bulk, row, verdict)
            row.save(update_fields=["outcome", "reason", "message"])
    return [row.message for row in rows if row.message is not None]


def _begin(bulk: BulkSend, row: BulkText, verdict: Verdict) -> None:
    """Write the text down; the same row always makes the same text."""
    last = row.invoice.text_messages.first()
    try:
        row.message, _ = TextMessage.objects.queue(
            row.invoice,
            to=verdict.to,
            actor=bulk.started_by,
            key=uuid.uuid5(bulk.public_id, str(row.invoice.public_id)),
            seen=str(last.public_id) if last else "",
            confirmed=True,
            not_before=verdict.not_before,
        )
        row.outcome = BulkText.Outcome.TEXTED
    except NeedsConfirmation:
        row.reason = "Somebody texted it meanwhile."
    except InvoiceError as error:
        row.reason = str(error)[:200]


def _mobile(invoice: Invoice) -> str:
    contact = invoice.customer.billing_contact
    return contact.mobile if contact else ""
