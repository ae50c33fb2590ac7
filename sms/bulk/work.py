"""The work of a bulk send: check many invoices at once and write their texts."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import OuterRef, QuerySet

from invoices.models import Invoice
from sms.compliance.send_check import check_many
from sms.models.bulk import PORTION, BulkSend, BulkText
from sms.models.text import TextMessage
from sms.outbox.queue import Order, queue_texts
from sms.recipient import Recipient

IN_FLIGHT = "A text about it is already on its way."
NO_MOBILE = "The billing contact has no mobile number"


@dataclass
class Verdict:
    """The result of the send check for one invoice."""

    invoice: Invoice
    # None when the billing contact has no mobile.
    recipient: Recipient | None
    reason: str = NO_MOBILE
    not_before: dt.datetime | None = None

    @property
    def may_go(self) -> bool:
        """Whether it is texted, now or when quiet hours end."""
        return not self.reason

    @property
    def texted_before(self) -> bool:
        """Whether a text about it went out before, whose link the new one supersedes."""
        return any(text.went_out for text in self.invoice.text_messages.all())


def verdicts(invoices: QuerySet[Invoice]) -> list[Verdict]:
    """The verdicts for these invoices, in their order, in a constant number of queries."""
    rows = invoices.select_related("customer", "tenant").prefetch_related(
        "customer__contacts", "text_messages"
    )
    return judge(rows)


def judge(invoices: Iterable[Invoice]) -> list[Verdict]:
    """The verdicts at this moment, for invoices with prefetched contacts."""
    found = [Verdict(invoice, _billing_mobile(invoice)) for invoice in invoices]
    reachable = [(one, one.recipient) for one in found if one.recipient]
    checks = check_many([(one.invoice, recipient) for one, recipient in reachable])
    for (one, _), check in zip(reachable, checks, strict=True):
        one.reason = check.reason.sentence if check.reason else ""
        one.not_before = check.not_before
    return found


def queue_portion(bulk: BulkSend, most: int = PORTION) -> list[TextMessage]:
    """Decide up to `most` waiting rows and return the new texts; none unless it is running.

    The number of statements does not depend on the number of rows. The bulk send is locked first,
    so that a pause comes before or after; then the invoices, so that what the check saw is still
    true when the texts are written.
    """
    with transaction.atomic():
        if not BulkSend.objects.select_for_update(no_key=True).get(pk=bulk.pk).is_running:
            return []
        waiting = bulk.rows.filter(outcome=BulkText.Outcome.WAITING)
        rows = {row.invoice_id: row for row in waiting[:most]}
        invoices = Invoice.objects.filter(pk__in=rows).locked()
        found = judge(invoices.prefetch_related("customer__contacts"))
        busy = TextMessage.objects.in_flight().filter(invoice__in=rows)
        taken = set(busy.values_list("invoice", flat=True))
        for one in found:
            if one.may_go and one.invoice.pk in taken:
                one.reason = IN_FLIGHT
        texts = _queue(bulk, [one for one in found if one.may_go])
        left_out = {one.invoice.pk: one.reason[:200] for one in found if one.reason}
        for invoice, reason in left_out.items():
            rows[invoice].outcome, rows[invoice].reason = BulkText.Outcome.LEFT_OUT, reason
        BulkText.objects.bulk_update([rows[pk] for pk in left_out], ["outcome", "reason"])
        own = TextMessage.objects.filter(pk__in=[text.pk for text in texts])
        bulk.rows.filter(invoice__in=[text.invoice_id for text in texts]).update(
            outcome=BulkText.Outcome.TEXTED,
            message=own.filter(invoice=OuterRef("invoice")).values("pk"),
        )
    return texts


def _queue(bulk: BulkSend, ready: list[Verdict]) -> list[TextMessage]:
    """Write the texts. Their keys derive from the rows', so a repetition adds none."""
    orders = [
        Order(
            one.invoice,
            one.recipient,
            key=uuid.uuid5(bulk.public_id, str(one.invoice.public_id)),
            not_before=one.not_before,
        )
        for one in ready
        if one.recipient
    ]
    return queue_texts(orders, actor=bulk.started_by)


def _billing_mobile(invoice: Invoice) -> Recipient | None:
    contact = invoice.customer.billing_contact
    return Recipient.of(invoice.customer, contact.mobile) if contact and contact.mobile else None
