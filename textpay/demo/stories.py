"""What became of each practice invoice. A story yields the moment at which it goes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterable, Iterator

from django.utils import timezone

from invoices.models import Invoice, PaymentLink
from invoices.models.invoice import CENT
from payments.gateway.decline_codes import FUNDS
from payments.models import Payment, payment_state
from payments.settlement import banking_days
from tenants.models import User
from textpay.demo import past, replies
from textpay.demo.clock import Story
from textpay.demo.companies import Buyer
from textpay.demo.shop import Shop

SECOND = dt.timedelta(seconds=1)
# Tokens as CardSecure makes them: 9, the first two digits, something, the last four.
CARDS = ("9411120000001111", "9540000000005454", "9374000000000005", "9424240000004242")
REFUSED = "9440000000004448"
BANK = "9036400000006789"


def never_texted(shop: Shop, buyer: Buyer, day: int) -> Story:
    """Open, and nobody has sent it yet."""
    yield shop.at(day, 16, 31)
    shop.bill(buyer)


def billed_together(shop: Shop, buyers: Iterable[Buyer], day: int) -> Story:
    """One morning's invoices for everybody, and no text about any of them yet."""
    yield shop.at(day, 9, 2)
    for buyer in buyers:
        shop.bill(buyer)


def draft(shop: Shop, buyer: Buyer, day: int) -> Story:
    """Being written."""
    yield shop.at(day, 8, 5)
    shop.bill(buyer, draft=True)


def voided(shop: Shop, buyer: Buyer, day: int) -> Story:
    """Written by mistake."""
    yield shop.at(day, 11, 20)
    invoice = shop.bill(buyer)
    yield shop.at(day, 11, 52)
    invoice.void(actor=shop.clerk, reason="Billed twice by mistake", read_payments=payment_state)


def _texted(shop: Shop, invoice: Invoice, moment: dt.datetime) -> Iterator[dt.datetime]:
    """The office texts the invoice and the text arrives."""
    yield moment
    message = shop.text(invoice)
    yield moment + SECOND
    shop.accepted(message)
    yield moment + 4 * SECOND
    message.mark_delivered()


def waiting(shop: Shop, buyer: Buyer, day: int) -> Story:
    """Texted and delivered; not paid yet."""
    yield shop.at(day, 15, 10)
    invoice = shop.bill(buyer)
    yield from _texted(shop, invoice, shop.at(day, 15, 42))


def resent(shop: Shop, buyer: Buyer, day: int) -> Story:
    """Texted twice: the first link was replaced."""
    yield shop.at(day, 9, 30)
    invoice = shop.bill(buyer)
    yield from _texted(shop, invoice, shop.at(day - 1, 10, 14))
    yield from _texted(shop, invoice, shop.at(day // 2, 14, 3))


def link_ran_out(shop: Shop, buyer: Buyer, day: int) -> Story:
    """Texted, never paid, and the sixty days went by."""
    yield shop.at(day, 13, 5)
    invoice = shop.bill(buyer)
    yield from _texted(shop, invoice, shop.at(day - 1, 9, 12))
    yield invoice.links.get().expires_at + 20 * SECOND
    PaymentLink.objects.expire_due()


def link_expired_by_hand(shop: Shop, buyer: Buyer, day: int) -> Story:
    """Texted to a number that was wrong, so the office pressed **Expire Link**."""
    yield shop.at(day, 10, 40)
    invoice = shop.bill(buyer)
    yield from _texted(shop, invoice, shop.at(day, 10, 55))
    yield shop.at(day - 1, 8, 41)
    invoice.links.get().expire(actor=shop.clerk)


def not_delivered(shop: Shop, buyer: Buyer, day: int) -> Story:
    """The phone was off for good."""
    yield shop.at(day, 12, 15)
    invoice = shop.bill(buyer)
    yield shop.at(day, 12, 33)
    message = shop.text(invoice)
    yield shop.at(day, 12, 34)
    shop.accepted(message)
    yield shop.at(day, 12, 49)
    message.mark_undelivered(30003)


def landline(shop: Shop, buyer: Buyer, day: int) -> Story:
    """Twilio would not even take it."""
    yield shop.at(day, 14, 20)
    invoice = shop.bill(buyer)
    yield shop.at(day, 14, 26)
    message = shop.text(invoice)
    yield shop.at(day, 14, 27)
    message.mark_failed(21614)


def _settled(payment: Payment) -> Iterator[dt.datetime]:
    """CardConnect closes the batch at night."""
    yield past.night_after(payment.begun, payment.tenant)
    payment.mark_settled()


def paid_by_card(shop: Shop, buyer: Buyer, day: int) -> Story:
    """Texted and paid, the way it should be."""
    yield from _paid(shop, buyer, day, shop.at(day - shop.random.randrange(1, 4), 18, 40))


def paid_just_now(shop: Shop, buyer: Buyer, now: dt.datetime) -> Story:
    """Paid within the hour: it waits for the batch of tonight."""
    yield from _paid(shop, buyer, 3, now - dt.timedelta(minutes=50), is_settled=False)


def _paid(
    shop: Shop, buyer: Buyer, day: int, paid: dt.datetime, *, is_settled: bool = True
) -> Story:
    yield shop.at(day, 11, 2)
    invoice = shop.bill(buyer)
    yield from _texted(shop, invoice, shop.at(day, 17, 8))
    yield paid
    payment = shop.tap_pay(invoice, shop.random.choice(CARDS))
    yield paid + 2 * SECOND
    shop.approved(payment)
    if is_settled:
        yield from _settled(payment)


def declined_then_paid(shop: Shop, buyer: Buyer, day: int) -> Story:
    """One card was refused, the next one was good."""
    yield shop.at(day, 9, 17)
    invoice = shop.bill(buyer)
    yield from _texted(shop, invoice, shop.at(day, 9, 48))
    yield shop.at(day - 1, 20, 11)
    payment = shop.tap_pay(invoice, REFUSED)
    yield shop.at(day - 1, 20, 12)
    payment.decline(
        FUNDS.sentence,
        staff_reason=FUNDS.staff,
        respproc="FNOR",
        respcode="NU",
        resptext="Insufficient funds",
    )
    yield shop.at(day - 1, 20, 15)
    payment = shop.tap_pay(invoice, CARDS[1])
    yield shop.at(day - 1, 20, 16)
    shop.approved(payment)
    yield from _settled(payment)


def _bank_payment(
    shop: Shop, buyer: Buyer, day: int, paid_on: int
) -> Generator[dt.datetime, None, Payment]:
    yield shop.at(day, 10, 25)
    invoice = shop.bill(buyer)
    yield from _texted(shop, invoice, shop.at(day, 16, 2))
    yield shop.at(paid_on, 12, 30)
    payment = shop.tap_pay(invoice, BANK)
    yield shop.at(paid_on, 12, 31)
    shop.approved(payment)
    return payment


def paid_by_bank(shop: Shop, buyer: Buyer, day: int) -> Story:
    """A bank payment that has cleared."""
    payment = yield from _bank_payment(shop, buyer, day, day - 3)
    paid_on = timezone.now().astimezone(shop.tenant.zone).date()
    cleared_on = banking_days.after(paid_on, shop.tenant.ach_clear_days)
    yield shop.at(day - 3 - (cleared_on - paid_on).days, 9, 15)
    payment.mark_cleared()


def bank_payment_on_its_way(shop: Shop, buyer: Buyer, day: int) -> Story:
    """A bank payment of the day before yesterday: no four banking days fit in between."""
    yield from _bank_payment(shop, buyer, day, 2)


def paid_a_part(shop: Shop, buyer: Buyer, day: int) -> Story:
    """Half of it was paid; the rest waits on the same link."""
    yield shop.at(day, 9, 5)
    invoice = shop.bill(buyer)
    yield from _texted(shop, invoice, shop.at(day, 9, 20))
    paid = shop.at(day - 2, 19, 30)
    yield paid
    invoice.refresh_from_db()
    payment = shop.tap_pay(invoice, CARDS[0], (invoice.balance / 2).quantize(CENT))
    yield paid + 2 * SECOND
    shop.approved(payment)
    yield from _settled(payment)


def another_account(shop: Shop, support: User) -> Story:
    """The company had Support change what its merchant account does."""
    yield shop.at(2, 15, 5)
    shop.change_account(support)


CAST = (
    (paid_by_card, (91, 88, 84, 81, 77, 70, 63, 58, 51, 41, 29, 16)),
    (link_ran_out, (78,)),
    (voided, (69, 36, 15)),
    (waiting, (55, 49, 44, 38, 23, 18, 12, 6, 2)),
    (resent, (47, 20)),
    (link_expired_by_hand, (33,)),
    (declined_then_paid, (27,)),
    (paid_by_bank, (13,)),
    (bank_payment_on_its_way, (7,)),
    (not_delivered, (9,)),
    (landline, (5,)),
    (never_texted, (45, 28, 26, 22, 21, 19, 17, 14, 11, 10, 8, 4, 3, 1)),
    (draft, (2, 1, 1)),
)


def stories_of(shop: Shop, support: User, now: dt.datetime) -> list[Story]:
    """The company's whole history; its last customer has no mobile number and is never texted."""
    *textable, unreachable = shop.company.buyers
    plan = sorted(
        ((day, number, story) for number, (story, days) in enumerate(CAST) for day in days),
        key=lambda entry: (-entry[0], entry[1]),
    )
    told = [
        story(shop, textable[turn % len(textable)], day)
        for turn, (day, _, story) in enumerate(plan)
    ]
    told += [never_texted(shop, unreachable, 24), draft(shop, unreachable, 2)]
    told += replies.stories_of(shop, textable)
    today = paid_just_now(shop, textable[0], now)
    if shop.company.least is not None:
        told.append(paid_a_part(shop, textable[1], 4))
    if not shop.company.ach:
        told.append(another_account(shop, support))
    return [*told, today]
