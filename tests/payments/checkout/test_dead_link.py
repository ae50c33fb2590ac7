"""A link that somebody or something has ended tells whose it was, and nothing of the invoice."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.utils import timezone

from invoices.models import PaymentLink
from payments.models import Payment, payment_state
from tests.factories import make_link
from tests.payments.checkout.test_pages import words_of
from tests.payments.conftest import address

pytestmark = pytest.mark.django_db
CONTACT = ("Harbor Plumbing & Heating", "(978) 555-0134")


def by_hand(link, clerk):
    assert link.expire(actor=clerk)


def replaced(link, _clerk):
    make_link(link.invoice)


def time_is_up(link, _clerk):
    past = timezone.now() - dt.timedelta(minutes=1)
    PaymentLink._base_manager.filter(pk=link.pk).update(expires_at=past)


def expired(link, clerk):
    time_is_up(link, clerk)
    assert PaymentLink.objects.expire_due() == 1


ENDS = pytest.mark.parametrize("end", [by_hand, replaced, time_is_up, expired])


def begin(invoice, method, status):
    """A payment of the whole balance."""
    return Payment.objects.create(
        tenant=invoice.tenant,
        invoice=invoice,
        link=invoice.links.first(),
        key=uuid.uuid4(),
        method=method,
        amount=invoice.balance,
        merchid="1",
        status=status,
        last4="1111",
        brand="Visa",
    )


def tells(page, invoice):
    """What a page says of the invoice: none of it may stand on a dead link's."""
    words = words_of(page)
    today = timezone.now().astimezone(invoice.tenant.zone)
    secrets = [invoice.number, "182.50", "Water heater", "Dana", "Labor", f"{today:%B} {today.day}"]
    secrets += [f"{day:%b} {day.day}" for day in (today, invoice.due_on)]
    return [secret for secret in secrets if secret in words]


@ENDS
@pytest.mark.parametrize(
    ("method", "status", "said"),
    [
        ("card", "captured", "Already paid"),
        ("ach", "started", "Bank payment started"),
    ],
)
def test_a_paid_invoice_is_not_told_of(payer, invoice, link, clerk, end, method, status, said):
    end(link, clerk)
    payment = begin(invoice, method, status)
    Payment._base_manager.filter(pk=payment.pk).update(resolved_at=timezone.now())
    payment.book()
    invoice.refresh_from_db()
    page = payer.get(address(link))
    assert page.status_code == 200
    assert said in words_of(page)
    assert "cannot charge you" in words_of(page)
    for words in CONTACT:
        assert words in words_of(page)
    assert tells(page, invoice) == []


@ENDS
@pytest.mark.parametrize("status", ["pending", "unknown", "needs_attention"])
def test_a_payment_under_way_is_not_told_of(payer, invoice, link, clerk, end, status):
    end(link, clerk)
    begin(invoice, "card", status)
    page = payer.get(address(link))
    assert "do not pay again." in words_of(page)
    assert tells(page, invoice) == []


@pytest.mark.parametrize(
    ("method", "status"), [("card", "captured"), ("ach", "started")], ids=["paid", "started"]
)
def test_the_link_that_the_payment_closed_names_the_invoice(payer, invoice, link, method, status):
    begin(invoice, method, status).book()
    invoice.refresh_from_db()
    assert invoice.links.get().status == "closed"
    assert invoice.number in words_of(payer.get(address(link)))


def test_a_live_link_shows_what_is_being_checked(payer, invoice, link):
    begin(invoice, "card", "unknown")
    words = words_of(payer.get(address(link)))
    assert "$182.50" in words
    assert invoice.number in words


def test_whoever_paid_still_reads_their_own_receipt_when_the_link_has_ended(
    payer, invoice, link, clerk
):
    line = {"description": "Labor", "quantity": Decimal(1), "unit_price": Decimal("300.00")}
    invoice.revise(lines=[line], tax=Decimal("0.00"), actor=None, read_payments=payment_state)
    payment = begin(invoice, "card", "unknown")
    by_hand(link, clerk)
    words = words_of(payer.get(f"{address(link)}{payment.public_id}/"))
    assert payment.reference in words
    assert "$300.00" in words
