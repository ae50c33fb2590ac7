"""Customers and their invoices written at the same moment, on a real PostgreSQL."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection

from customers.models import Contact, Customer
from invoices.create import write
from invoices.models import Invoice
from invoices.models.invoice import LineValues
from tenants.models import Tenant
from tests.factories import make_customer
from tests.race import run_together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="row locks need PostgreSQL"),
]
ROUNDS = 15
LINE = LineValues(description="Labor", quantity=Decimal(1), unit_price=Decimal(10))


def test_invoices_are_written_while_a_contact_of_their_customer_is_saved(tenant, clerk):
    """Both lock the customer and insert rows that refer to the company; neither ends the other."""
    customer = make_customer(tenant)
    contact = customer.contacts.get()
    today = dt.date(2026, 11, 20)

    def write_invoices():
        for _ in range(ROUNDS):
            write(
                tenant=Tenant.objects.get(pk=tenant.pk),
                customer=Customer.objects.get(pk=customer.pk),
                lines=[LINE],
                tax=Decimal("0.00"),
                actor=clerk,
                issued_on=today,
                due_on=today,
            )

    def save_contact():
        for _ in range(ROUNDS):
            Contact.objects.get(pk=contact.pk).save_as(actor=clerk, created=False)

    results = run_together(write_invoices, save_contact, write_invoices, save_contact)
    assert results == [None] * 4
    customer.refresh_from_db()
    assert Invoice.objects.count() == 2 * ROUNDS
    assert customer.balance == 2 * ROUNDS * Decimal("10.00")
    numbers = Invoice.objects.values_list("number", flat=True)
    assert len(set(numbers)) == 2 * ROUNDS
