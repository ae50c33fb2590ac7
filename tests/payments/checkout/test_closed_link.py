"""A link that closed when the invoice was paid, after the money went back: the page says so."""

import re
import uuid
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from payments.models import Refund
from sms.models import OptOut
from sms.models.opt_out import opt_out
from tenants.addresses import company_path
from tests.addresses import reverse
from tests.factories import MOBILE, make_member, make_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def pay(invoice, link):
    """`pay("card", "settled")` books a payment of the whole balance, which closes the link."""

    def book(method, status):
        with transaction.atomic():
            payment = invoice.payments.create(
                tenant=invoice.tenant,
                link=link,
                key=uuid.uuid4(),
                method=method,
                amount=invoice.balance,
                status=status,
                resolved_at=timezone.now(),
            )
            payment.book()
        invoice.refresh_from_db()
        assert invoice.links.first().status == "closed"
        return payment

    return book


def give_back(payment, amount):
    """A refund of a part that CardConnect has done."""
    refund = Refund.objects.create(
        tenant=payment.tenant,
        payment=payment,
        key=uuid.uuid4(),
        kind="refund",
        amount=Decimal(amount),
        status="pending",
        requested_by=make_member(payment.tenant),
    )
    assert refund.done()


def other_information(browser, invoice):
    """The words of that card, in one line."""
    page = browser.get(reverse("invoices:detail", args=[invoice.public_id])).content.decode()
    card = page[page.index('aria-labelledby="h-other"') :]
    return " ".join(re.sub(r"<[^>]+>", " ", card[: card.index("</section>")]).split())


@pytest.mark.parametrize(
    ("method", "status", "undo", "why", "owed"),
    [
        (
            "ach",
            "cleared",
            lambda p: p.mark_returned("R01"),
            "The bank took the payment back.",
            "182.50",
        ),
        ("card", "settled", lambda p: p.reject("x"), "rejected at settlement.", "182.50"),
        ("card", "captured", lambda p: p.mark_voided(), "The payment was voided.", "182.50"),
        (
            "card",
            "settled",
            lambda p: give_back(p, "80"),
            "$80.00 of the payment was refunded",
            "80.00",
        ),
    ],
)
def test_it_says_why_the_invoice_asks_again_and_offers_a_fresh_text(
    invoice, pay, clerk, browser_of, method, status, undo, why, owed
):
    make_text(invoice, clerk)
    undo(pay(method, status))
    browser = browser_of(clerk)
    card = other_information(browser, invoice)
    assert "Link closed It closed when the invoice was paid." in card
    assert why in card
    assert f"${owed} is due again" in card
    page = browser.get(reverse("invoices:detail", args=[invoice.public_id])).content.decode()
    [button] = re.findall(r'<a class="btn" id="other-again"[^>]+>', page)
    assert f'hx-get="{company_path(invoice.tenant, "sms:send", invoice.public_id)}"' in button


def test_a_customer_who_gets_no_texts_is_named_beside_the_button(
    invoice, pay, tenant, clerk, browser_of
):
    pay("card", "settled").reject("x")
    opt_out(tenant, MOBILE, source=OptOut.Source.REPLY, wording="STOP")
    browser = browser_of(clerk)
    assert "Dana replied STOP" in other_information(browser, invoice)
    page = browser.get(reverse("invoices:detail", args=[invoice.public_id])).content.decode()
    assert re.search(r'<span class="btn" id="other-again" role="link" aria-disabled="true"', page)


def test_while_it_is_paid_nothing_is_offered(invoice, pay, clerk, browser_of):
    pay("card", "settled")
    card = other_information(browser_of(clerk), invoice)
    assert "Closed Nothing more is due on this invoice." in card
    assert "SMS" not in card.replace("SMS Sent", "").replace("SMS Link Expires On", "")
