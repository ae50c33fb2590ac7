"""Texts, e-mails, numbers and bulk sends of every kind. A story yields when it goes on."""
# mypy: ignore-errors
# ruff: noqa: I001  half of these modules have moved since 0.1.0

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Iterator
from decimal import Decimal

from office import MINUTE, Office

from audit.clock import db_now
from customers.models import Contact
from invoices.models import Invoice, InvoiceEmail
from sms import bulk_work
from sms.models import BulkSend, InboundText, NumberLookup, ReminderStep, TextMessage
from sms.optouts import opt_out, resume
from sms.reminding import remind
from sms.replies import Incoming, receive

STRANGER = "+19785550177"


def texts_under_way(office: Office) -> Iterator[dt.datetime]:
    """Sent, sending, queued, waiting for the morning, cancelled, failed."""
    yield office.now - 60 * MINUTE
    invoices = [office.bill(f"{number}1.00") for number in range(1, 7)]
    contacts = [invoice.customer.billing_contact for invoice in invoices]

    def queue(number: int, **more) -> TextMessage:
        to = contacts[number].mobile
        key = uuid.uuid4()
        return TextMessage.objects.queue(
            invoices[number], to=to, actor=office.shop.clerk, key=key, **more
        )[0]

    yield office.now - 50 * MINUTE
    office.shop.accepted(office.shop.text(invoices[0]))
    queue(3, not_before=office.now + 9 * 60 * MINUTE)
    queue(4).cancel(actor=office.shop.clerk)
    failed = queue(5)
    failed.claim()
    failed.mark_failed(30007, sid=f"SM{5:032x}")
    failed.book_price(Decimal("-0.00790"), "USD", 1)
    yield office.now - 2 * MINUTE
    queue(1).claim()
    queue(2)


def emails(office: Office) -> Iterator[dt.datetime]:
    yield office.now - 70 * MINUTE
    for number, status in enumerate(("sent", "failed", "sending", "queued")):
        invoice = office.bill(f"3{number}.50")
        to = invoice.customer.billing_contact.email
        key = uuid.uuid4()
        email, _ = InvoiceEmail.objects.queue(invoice, to=to, actor=office.shop.clerk, key=key)
        if status != "queued":
            email.claim()
        if status == "sent":
            email.mark_sent()
        if status == "failed":
            email.mark_failed("The mail server refused the address.")
    email.claim()
    email.back_to_queue()


def numbers(office: Office) -> Iterator[dt.datetime]:
    """Opt-outs of all sources, two of them ended; every kind of incoming text."""
    hear = itertools.count(1)

    def text(number: str, words: str, **more) -> InboundText:
        sid = f"SM{next(hear):032x}"
        return receive(
            office.tenant, Incoming(sid, number, office.tenant.twilio.sender, words, **more)
        )[0]

    mobiles = [contact.mobile for contact in Contact.objects.exclude(mobile="").order_by("pk")]
    yield office.shop.at(9, 12)
    opt_out(
        office.tenant, mobiles[-1], source="staff", wording="Called the office", actor=office.admin
    )
    opt_out(office.tenant, mobiles[-2], source="twilio")
    text(mobiles[-3], "Please take me off your list, no more texts")
    text(mobiles[-4], "stop")
    yield office.shop.at(8, 12)
    text(mobiles[-4], "START")
    resume(
        office.tenant,
        mobiles[-1],
        source="written",
        wording="Wants texts again, by e-mail",
        given_on=office.shop.at(8, 12).date(),
        actor=office.admin,
    )
    yield office.shop.at(7, 12)
    text(mobiles[-5], "HELP")
    text(mobiles[-6], "Do not bother me with this")
    doubt = text(mobiles[-7], "I really want this to stop somehow")
    text(mobiles[-5], "Here it is", media=2)
    stranger = text(STRANGER, "Wrong number?")
    yield office.shop.at(7, 13)
    doubt.settle(actor=office.shop.clerk, kind="message")
    answer, _ = TextMessage.objects.answer(
        office.tenant,
        to=STRANGER,
        body="Sorry about that.",
        key=uuid.uuid4(),
        actor=office.shop.clerk,
    )
    InboundText.objects.filter(pk=stranger.pk).mark_read()
    answer.claim()
    answer.mark_failed(21614)
    for line, number in zip(("mobile", "landline", ""), mobiles, strict=False):
        NumberLookup.objects.create(
            tenant=office.tenant, number=number, line_type=line, looked_up_at=db_now()
        )


def reminders(office: Office) -> Iterator[dt.datetime]:
    """What the schedule takes on one morning; a step that is not used any more."""
    yield office.shop.at(3, 8)
    ReminderStep.objects.create(
        tenant=office.tenant,
        when="after_due",
        days=40,
        words_en="Still open: {amount}, {invoice}.",
        words_es="Abierta: {amount}, {invoice}.",
        is_active=False,
    )
    yield office.shop.at(3, 11)
    assert remind(office.tenant.pk)
    begun = TextMessage.objects.filter(kind="reminder", status="queued")
    for message in begun:
        message.claim()
        office.shop.accepted(message)
        message.mark_delivered()


def in_bulk(office: Office) -> Iterator[dt.datetime]:
    """Four bulk sends: done, stopped, paused and running."""
    for number, end in enumerate(("done", "stop", "pause", "run")):
        yield office.now - (40 - number) * MINUTE
        invoices = list(Invoice.objects.open().order_by("pk"))
        if end == "done":
            refuses = invoices[0].customer.billing_contact.mobile
            opt_out(office.tenant, refuses, source="reply", wording="STOP")
        bulk, _ = BulkSend.objects.start(
            office.tenant,
            invoices[3 * number : 3 * number + 3],
            actor=office.shop.clerk,
            key=uuid.uuid4(),
        )
        texts = bulk_work.take(bulk, 3 if end == "done" else 2)
        for message in texts if end == "done" else texts[:1]:
            message.claim()
            office.shop.accepted(message)
            message.mark_delivered()
        if end == "done":
            assert bulk.finish()
        elif end != "run":
            getattr(bulk, end)(actor=office.shop.clerk)


STORIES = (texts_under_way, emails, numbers, reminders)
