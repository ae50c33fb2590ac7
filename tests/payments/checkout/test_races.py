"""Many at once, on a real PostgreSQL, over real HTTP: one charge, one winner."""

import uuid
from decimal import Decimal

import pytest
import requests
from django.db import connection, transaction

from audit.models import AuditEntry
from invoices.models import Invoice, InvoiceError, PaymentLink
from payments.models import Payment, payment_state
from payments.tasks import settle_unknown
from tests.factories import make_invoice, make_link
from tests.payments.conftest import address, backdate
from tests.race import apart, run_together, wait_until_locked_out

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="row locks are PostgreSQL's"),
]


def ready(server, link):
    """A browser with the page open: its CSRF cookie and token."""
    browser = requests.Session()
    page = browser.get(server.url + address(link), timeout=60).text
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    return browser, token


def post(server, link, form):
    browser, token = ready(server, link)

    def call():
        return browser.post(
            server.url + address(link),
            data=form | {"csrfmiddlewaretoken": token},
            headers={"Referer": server.url + address(link)},
            allow_redirects=False,
            timeout=120,
        )

    return call


def test_fifty_payers_at_once_are_one_charge(live_server, link, form, gateway):
    calls = [post(live_server, link, form | {"key": str(uuid.uuid4())}) for _ in range(50)]
    answers = run_together(*calls)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [302] + [409] * 49
    assert len(gateway.charges()) == 1
    payment = Payment.objects.get()
    assert (payment.status, payment.retref) == ("captured", gateway.charges()[0]["retref"])
    assert AuditEntry.objects.filter(action="payment.captured").count() == 1


def test_a_payer_waits_for_whoever_changes_the_invoice(live_server, link, form, gateway):
    """The amount that the payer agreed to is compared under the lock, not with an older total."""
    pay = post(live_server, link, form)
    with transaction.atomic():
        invoice = link.invoice.locked()
        payer = apart(pay)
        wait_until_locked_out(payer)
        Invoice.objects.filter(pk=invoice.pk).update(total="100.00")
    assert payer.result(60).status_code == 409
    assert gateway.charges() == []


def test_a_double_click_is_one_charge_and_one_page(live_server, link, form, gateway):
    answers = run_together(*[post(live_server, link, form) for _ in range(10)])
    assert {answer.status_code for answer in answers} == {302}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len(gateway.charges()) == 1


@pytest.mark.parametrize("turn", range(8))
def test_expire_link_and_pay_have_one_winner(live_server, link, form, gateway, clerk, turn):
    mine = PaymentLink.objects.get(pk=link.pk)
    answer, expired = run_together(post(live_server, link, form), lambda: mine.expire(actor=clerk))
    link.refresh_from_db()
    paid = answer.status_code == 302
    assert len(gateway.charges()) == (1 if paid else 0)
    assert Payment.objects.booked().count() == (1 if paid else 0)
    if not paid:
        assert (expired, link.status) == (True, "disabled")


@pytest.mark.parametrize("turn", range(8))
def test_editing_and_paying_never_charge_an_amount_nobody_agreed_to(
    live_server, link, form, gateway, turn
):
    line = {"description": "Labor", "quantity": Decimal(1), "unit_price": Decimal("214.00")}
    invoice = link.invoice
    answer, edit = run_together(
        post(live_server, link, form),
        lambda: invoice.revise(
            lines=[line], tax=Decimal("0.00"), actor=None, read_payments=payment_state
        ),
    )
    assert edit is None or isinstance(edit, InvoiceError)
    assert {charge["amount"] for charge in gateway.taken()} <= {"182.50"}
    assert len(gateway.taken()) == (1 if answer.status_code == 302 else 0)


@pytest.mark.parametrize("turn", range(8))
def test_voiding_and_paying_have_one_winner(live_server, link, form, gateway, clerk, turn):
    """Both lock the invoice, so a charge is never taken for an invoice that is void."""
    mine = Invoice.objects.get(pk=link.invoice_id)
    answer, void = run_together(
        post(live_server, link, form),
        lambda: mine.void(actor=clerk, reason="Typed twice", read_payments=payment_state),
    )
    link.invoice.refresh_from_db()
    if answer.status_code == 302:
        assert isinstance(void, InvoiceError)
        assert (link.invoice.status, len(gateway.taken())) == ("paid", 1)
    else:
        assert void is None
        assert (link.invoice.status, gateway.charges()) == ("void", [])


def test_two_sweeps_at_once_settle_each_attempt_once(payer, tenant, form, gateway):
    payments = []
    for _ in range(6):
        link = make_link(make_invoice(tenant))
        gateway.fault("auth", "drop_after")
        payer.post(address(link), form | {"key": str(uuid.uuid4())})
        payments.append(Payment.objects.get(link=link))
        backdate(payments[-1], 60)
    run_together(settle_unknown, settle_unknown, settle_unknown)
    assert {Payment.objects.get(pk=p.pk).status for p in payments} == {"captured"}
    assert set(Payment.objects.values_list("inquiries", flat=True)) == {1}
    assert AuditEntry.objects.filter(action="payment.captured").count() == 6
    assert connection.vendor == "postgresql"
