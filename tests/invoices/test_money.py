"""The balance is always the total less what was booked, for the invoice and for its customer."""

import uuid
from decimal import Decimal

import pytest
from django.db import transaction
from freezegun import freeze_time

from audit.models import AuditEntry
from customers.models import Customer
from invoices.models import Invoice, InvoiceError, PaymentLink
from invoices.models.invoice import LineValues
from payments.models import Payment, payment_state
from tests.factories import make_customer, make_invoice, make_link, make_ready_tenant
from tests.race import run_together

pytestmark = pytest.mark.django_db


def book(invoice: Invoice, amount: str, status: str = "captured", method: str = "card") -> Payment:
    """A payment already taken, as the gateway's answer leaves it."""
    with transaction.atomic():
        invoice.locked()
        return _book(invoice, amount, status, method)


def _book(invoice: Invoice, amount: str, status: str, method: str) -> Payment:
    payment = Payment.objects.create(
        tenant=invoice.tenant,
        invoice=invoice,
        link=PaymentLink.objects.filter(invoice=invoice).first() or make_link(invoice),
        key=uuid.uuid4(),
        method=method,
        amount=Decimal(amount),
        status=status,
        site="fts-uat",
        merchid="1",
    )
    payment.book()
    invoice.refresh_from_db()
    return payment


def line(price: str, quantity: str = "1") -> LineValues:
    return LineValues(description="Work", quantity=Decimal(quantity), unit_price=Decimal(price))


def revise(invoice: Invoice, *prices: str) -> None:
    lines = [line(price) for price in prices]
    invoice.revise(lines=lines, tax=Decimal(0), actor=None, read_payments=payment_state)


def test_the_total_is_lines_and_tax_halves_up():
    invoice = make_invoice(opened=False)
    invoice.revise(
        lines=[line("70.00", "0.75"), line("0.05", "0.5")],
        tax=Decimal("3.00"),
        actor=None,
        read_payments=payment_state,
    )
    assert invoice.total == Decimal("55.53")


def test_a_payment_lowers_invoice_and_customer_and_closes_the_link():
    invoice = make_invoice(total="182.50")
    other = make_invoice(customer=invoice.customer, total="17.50")
    assert Customer.objects.get(pk=invoice.customer_id).balance == Decimal("200.00")
    book(invoice, "182.50")
    assert (invoice.status, invoice.balance) == ("paid", Decimal("0.00"))
    assert Customer.objects.get(pk=invoice.customer_id).balance == other.total
    assert PaymentLink.objects.get(invoice=invoice).status == "closed"
    assert invoice.paid_at is not None


def test_telling_it_twice_books_once():
    invoice = make_invoice(total="100.00")
    payment = book(invoice, "40.00")
    with transaction.atomic():
        payment.book()
        payment.book()
    invoice.refresh_from_db()
    assert (invoice.paid, invoice.balance, invoice.status) == (40, 60, "open")


def test_a_bank_payment_is_started_not_paid():
    invoice = make_invoice(total="100.00")
    book(invoice, "100.00", status="started", method="ach")
    assert (invoice.status, invoice.balance) == ("pending", 0)
    assert invoice.get_status_display() == "Bank payment started"


def test_overpayment_is_kept_and_visible():
    invoice = make_invoice(total="100.00")
    book(invoice, "60.00")
    book(invoice, "60.00")
    assert (invoice.status, invoice.balance, invoice.overpaid) == ("paid", 0, Decimal("20.00"))


@pytest.mark.parametrize("status", ["pending", "unknown", "declined", "not_charged"])
def test_what_is_not_booked_changes_no_balance(status):
    invoice = make_invoice(total="100.00")
    book(invoice, "100.00", status=status)
    assert (invoice.status, invoice.balance) == ("open", 100)


def test_the_total_cannot_drop_below_what_was_paid():
    invoice = make_invoice(total="100.00")
    book(invoice, "60.00")
    with pytest.raises(InvoiceError, match=r"\$60.00 has been paid"):
        invoice.revise(
            lines=[line("59.99")], tax=Decimal(0), actor=None, read_payments=payment_state
        )
    invoice.refresh_from_db()
    assert invoice.total == 100
    revise(invoice, "60.00")
    assert invoice.status == "paid"
    revise(invoice, "70.00")
    assert (invoice.status, invoice.balance) == ("open", 10)


@pytest.mark.parametrize("prices", [[], ["0.00"]])
def test_an_empty_or_free_invoice_is_refused(prices):
    invoice = make_invoice(opened=False)
    with pytest.raises(InvoiceError, match=r"above \$0.00"):
        invoice.revise(
            lines=[line(p) for p in prices], tax=Decimal(0), actor=None, read_payments=payment_state
        )


def test_nothing_changes_while_a_payment_is_being_confirmed():
    invoice = make_invoice(total="100.00")
    book(invoice, "100.00", status="unknown")
    with pytest.raises(InvoiceError, match="being confirmed"):
        invoice.revise(
            lines=[line("90.00")], tax=Decimal(0), actor=None, read_payments=payment_state
        )
    with pytest.raises(InvoiceError, match="being confirmed"):
        invoice.void(actor=None, reason="mistake", read_payments=payment_state)


def test_void_closes_links_and_asks_for_nothing(clerk):
    invoice = make_invoice(clerk.memberships.get().tenant)
    link = make_link(invoice)
    invoice.void(actor=clerk, reason="Duplicate", read_payments=payment_state)
    link.refresh_from_db()
    assert (invoice.status, link.status) == ("void", "closed")
    assert Customer.objects.get(pk=invoice.customer_id).balance == 0
    entry = AuditEntry.objects.get(action="invoice.void")
    assert (entry.who, entry.data["reason"]) == ("Maya Torres", "Duplicate")
    assert not [e for e in AuditEntry.objects.all() if e.label == e.action]


def test_money_was_paid_so_void_is_refused():
    invoice = make_invoice(total="100.00")
    book(invoice, "10.00")
    with pytest.raises(InvoiceError, match="cannot be voided"):
        invoice.void(actor=None, reason="", read_payments=payment_state)


@pytest.mark.django_db(transaction=True)
def test_customers_balance_survives_twenty_invoices_at_once():
    tenant = make_ready_tenant()
    customer = make_customer(tenant)
    invoices = [make_invoice(customer=customer, total="10.00") for _ in range(20)]
    results = run_together(*[lambda i=i: book(i, "10.00") for i in invoices])
    assert not [r for r in results if isinstance(r, Exception)]
    customer.refresh_from_db()
    assert customer.balance == 0


@pytest.mark.parametrize("day", ["2026-12-31", "2027-01-15", "2028-02-29"])
def test_an_invoice_of_the_factory_is_not_overdue_whatever_the_day(day):
    with freeze_time(day):
        assert not make_invoice().is_overdue
