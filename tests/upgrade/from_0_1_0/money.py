"""Payments and refunds of every status, and Money match. A story yields when it goes on."""
# mypy: ignore-errors
# ruff: noqa: I001  half of these modules have moved since 0.1.0

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from unittest.mock import patch

from office import DAY, MINUTE, Office, reference

from invoices.models import Invoice
from payments import matching, verify
from payments.match import MatchRow, MatchRun
from payments.models import Payment, Refund
from payments.putting_right import see_row
from payments.statements import Line
from textpay.demo.stories import BANK, CARDS, _settled


def pending(office: Office) -> Iterator[dt.datetime]:
    payment = yield from office.charged(office.now - 5 * MINUTE)
    assert payment.status == "pending"


def unknown(office: Office) -> Iterator[dt.datetime]:
    payment = yield from office.charged(office.now - 20 * MINUTE)
    yield office.now - 19 * MINUTE
    payment.mark_unknown()
    yield office.now - 18 * MINUTE
    payment.claim_inquiry()


def needs_attention(office: Office) -> Iterator[dt.datetime]:
    payment = yield from office.charged(office.now - 2 * DAY)
    yield office.now - 2 * DAY + MINUTE
    payment.need_attention("CardConnect took $60.00 only.", retref=reference(), respcode="10")


def not_taken(office: Office) -> Iterator[dt.datetime]:
    """Not charged, then declined for good; the invoice stays open with its link."""
    payment = yield from office.charged(office.shop.at(12, 15))
    yield office.shop.at(12, 15, 2)
    payment.not_charged("CardConnect could not be reached. Nothing was taken.")
    yield office.shop.at(12, 16)
    again = office.shop.tap_pay(payment.invoice, CARDS[2])
    yield office.shop.at(12, 16, 1)
    again.decline("Your bank declined the card.", may_retry=False, respproc="FNOR", respcode="43")


def rejected(office: Office) -> Iterator[dt.datetime]:
    payment = yield from office.taken(office.shop.at(11, 12), "310.00")
    yield office.shop.at(9, 9)
    payment.reject("The settlement was rejected.")


def returned(office: Office) -> Iterator[dt.datetime]:
    payment = yield from office.taken(office.shop.at(14, 12), "210.00", BANK, settles=False)
    yield office.shop.at(11, 12)
    payment.come_back("R01")


def reason_comes_later(office: Office) -> Iterator[dt.datetime]:
    payment = yield from office.cleared(office.shop.at(30, 12), "211.00")
    yield office.shop.at(20, 12)
    payment.come_back("")
    yield office.shop.at(19, 12)
    payment.come_back("R10")


def by_hand(office: Office) -> Iterator[dt.datetime]:
    """A check for a part, cash for the rest, and a check that bounced."""
    yield office.shop.at(8, 9)
    invoice = office.bill("500.00")
    for minute, method, amount, document in (
        (10, "check", "200.00", "1042"),
        (20, "cash", "300.00", ""),
    ):
        yield office.shop.at(8, 9, minute)
        Payment.objects.record_by_hand(
            invoice,
            method=method,
            amount=Decimal(amount),
            document=document,
            received_on=office.shop.at(8, 9).date(),
            actor=office.books,
            key=uuid.uuid4(),
        )
    yield office.shop.at(7, 9)
    invoice.payments.get(method="check").mark_voided(actor=office.books, reason="The check bounced")


def overpaid(office: Office) -> Iterator[dt.datetime]:
    """A card is charged while a check comes in: both are kept."""
    payment = yield from office.charged(office.shop.at(10, 13), "75.00")
    yield office.shop.at(10, 13, 1)
    Payment.objects.record_by_hand(
        payment.invoice,
        method="check",
        amount=Decimal("75.00"),
        document="77",
        received_on=office.shop.at(10, 13).date(),
        actor=office.books,
        key=uuid.uuid4(),
    )
    yield office.shop.at(10, 13, 2)
    payment.refresh_from_db()
    office.shop.approved(payment)
    yield from _settled(payment)


def edited_and_promised(office: Office) -> Iterator[dt.datetime]:
    yield office.shop.at(6, 9)
    invoice = office.bill("42.00")
    yield office.shop.at(6, 10)
    line = {"description": "Labor", "quantity": Decimal("3.00"), "unit_price": Decimal("19.99")}
    invoice.revise(lines=[line], tax=Decimal("1.03"), actor=office.shop.clerk)
    yield office.shop.at(5, 10)
    invoice.promise((office.now + 9 * DAY).date(), actor=office.shop.clerk)
    invoice.customer.pause_reminders(True, actor=office.shop.clerk)


def with_surcharge(office: Office) -> Iterator[dt.datetime]:
    """$200.00 and 3% on top; a quarter of both went back."""
    payment = yield from office.taken(office.shop.at(6, 14), "200.00", fee="6.00")
    yield office.shop.at(4, 14)
    office.send_refund(payment, "50.00").done(retref=reference(), respcode="00")


# --- Refunds ----------------------------------------------------------------------------------


def voided(office: Office) -> Iterator[dt.datetime]:
    payment = yield from office.taken(office.shop.at(13, 12), settles=False)
    yield office.shop.at(13, 13)
    office.send_refund(payment).done(respcode="00")


def refunded(office: Office) -> Iterator[dt.datetime]:
    """A part, then the rest; the receipt of the first was sent."""
    payment = yield from office.taken(office.shop.at(13, 12))
    yield office.shop.at(10, 12)
    first = office.send_refund(payment, "20.00")
    first.done(retref=reference(), respcode="00", resptext="Approval")
    Refund.objects.filter(pk=first.pk).update(receipt_due_at=None)
    yield office.shop.at(9, 12)
    payment.refresh_from_db()
    office.send_refund(payment).done(retref=reference(), respcode="00")


def refunds_that_failed(office: Office) -> Iterator[dt.datetime]:
    """One was declined, one not released, one is open and needs a person."""
    payment = yield from office.taken(office.shop.at(12, 12), "900.00")
    yield office.shop.at(9, 12)
    office.send_refund(payment, "15.00").decline("CardConnect declined the refund.", respcode="05")
    yield office.shop.at(8, 12)
    office.request_refund(payment, "700.00").cancel(actor=office.books)
    yield office.shop.at(7, 12)
    refund = office.request_refund(payment, "800.00")
    yield office.shop.at(7, 13)
    refund.release(actor=office.books)
    refund.mark_sent()
    yield office.shop.at(7, 14)
    refund.mark_unknown()
    refund.need_attention("CardConnect gave back $80.00 instead.", retref=reference())


def refund_waits(office: Office) -> Iterator[dt.datetime]:
    payment = yield from office.taken(office.shop.at(5, 12), "1450.00")
    yield office.shop.at(2, 12)
    assert office.request_refund(payment).status == "requested"


def refund_pending(office: Office) -> Iterator[dt.datetime]:
    payment = yield from office.taken(office.shop.at(5, 13))
    yield office.now - 4 * MINUTE
    office.send_refund(payment, "11.00")


def refund_unknown(office: Office) -> Iterator[dt.datetime]:
    payment = yield from office.taken(office.shop.at(5, 14))
    yield office.now - 15 * MINUTE
    refund = office.send_refund(payment, "12.00")
    yield office.now - 14 * MINUTE
    refund.mark_unknown()
    refund.claim_inquiry()


def refund_returned(office: Office) -> Iterator[dt.datetime]:
    """A bank payment was refunded in full and the customer's bank returned the refund."""
    payment = yield from office.cleared(office.shop.at(25, 12))
    yield office.shop.at(15, 12)
    refund = office.send_refund(payment)
    refund.done(retref=reference(), respcode="00")
    yield office.shop.at(10, 12)
    refund.come_back("R03")


def refund_repaid(office: Office) -> Iterator[dt.datetime]:
    """The same, then repaid by check."""
    payment = yield from office.cleared(office.shop.at(26, 12), "95.00")
    yield office.shop.at(16, 12)
    refund = office.send_refund(payment)
    refund.done(retref=reference(), respcode="00")
    yield office.shop.at(11, 12)
    refund.come_back("R02")
    yield office.shop.at(10, 12)
    refund.repay("By check 2204.", actor=office.books)


def refund_lapsed(office: Office) -> Iterator[dt.datetime]:
    """The payment was returned while its refund waited for a second person."""
    payment = yield from office.cleared(office.shop.at(27, 12), "800.00")
    yield office.shop.at(18, 12)
    office.request_refund(payment)
    yield office.shop.at(17, 12)
    payment.come_back("R09")


def nights(office: Office) -> Iterator[dt.datetime]:
    """Money match on four nights: CardConnect reports our payments and one charge we lost."""
    yield office.shop.at(6, 9)
    lost = office.bill("64.00")
    for night in (5, 4, 3, 2):
        yield office.shop.at(night, 23, 55)
        match = matching.begin(office.tenant)
        lines = [*_settled_lines(match), _lost_line(office, lost)] if night < 5 else []
        with (
            patch.object(matching, "read", return_value=lines),
            patch.object(matching.surcharges, "added_to", return_value=Decimal("0.00")),
            patch.object(matching.looking, "look"),
            patch.object(matching.giving_back, "ask"),
        ):
            matching.run(match)
    yield office.shop.at(1, 9)
    _one_row_of_each_cause(office, match)
    yield office.shop.at(1, 10)
    booked = MatchRow.objects.problems().get(cause="booked")
    assert see_row(booked, "", actor=office.books)
    amount = MatchRow.objects.problems().get(cause="amount")
    assert see_row(amount, "Called CardConnect; they put it right.", actor=office.books)
    yield office.shop.at(1, 23, 55)
    matching.begin(office.tenant).finish("CardConnect could not be reached. Nothing was changed.")
    yield office.now - 3 * MINUTE
    assert matching.begin(office.tenant, actor=office.books)


def _settled_lines(match: MatchRun) -> list[Line]:
    booked = Payment.objects.filter(method="card", status__in=["settled", "refunded"])
    booked = booked.filter(settled_at__date__range=(match.from_day, match.to_day))
    return [
        Line(
            one.retref,
            one.total,
            one.settled_at.date(),
            orderid=one.orderid,
            paid_out=one.total,
        )
        for one in booked.exclude(retref="").order_by("pk")
    ]


def _lost_line(office: Office, invoice: Invoice) -> Line:
    day = office.shop.at(4, 12).date()
    amount = Decimal("64.00")
    return Line("633499999999", amount, day, invoicenumber=invoice.number, paid_out=amount)


def _one_row_of_each_cause(office: Office, match: MatchRun) -> None:
    """Add a row for each cause that the four nights did not produce."""
    payment = Payment.objects.filter(method="card", status="settled").latest("pk")
    buckets = {"amount": "differs", "returned": "differs", "refund_back": "differs"}
    buckets |= {"refund_open": "differs", "not_settled": "ours", "not_paid_out": "ours"}
    known = set(MatchRow.objects.values_list("cause", flat=True))
    for cause in [cause for cause in MatchRow.Cause.values if cause not in known]:
        MatchRow.objects.create(
            tenant=office.tenant,
            run=match,
            bucket=buckets.get(cause, "theirs"),
            cause=cause,
            day=match.to_day,
            retref=reference(),
            merchid=payment.merchid,
            is_bank=cause == "returned",
            our_amount=payment.total if buckets.get(cause) else None,
            their_amount=None if buckets.get(cause) == "ours" else Decimal("33.10"),
            payment=None if cause == "unknown_charge" else payment,
            invoice=None if cause == "unknown_charge" else payment.invoice,
            note="CardConnect names invoice INV-9999." if cause == "unknown_charge" else "",
        )


def checked(office: Office) -> Iterator[dt.datetime]:
    """The nightly check has two findings and three payments without an answer."""
    yield office.shop.at(1, 23, 59)
    invoice = Invoice.objects.latest("pk")
    found = [
        verify.Violation(
            number, office.tenant.pk, invoice.pk, invoice.number, words, "Call Support."
        )
        for number, words in ((2, "nobody has known for a day"), (4, "the invoice is open"))
    ]
    verify.keep(office.tenant, found, unanswered=3)


STORIES = (
    *(pending, unknown, needs_attention, not_taken, rejected, returned, reason_comes_later),
    *(by_hand, overpaid, edited_and_promised, voided, refunded, refunds_that_failed),
    *(refund_waits, refund_pending, refund_unknown, refund_returned, refund_repaid),
    *(refund_lapsed, nights, checked),
)
