"""A query that is compiled once gives the same rows as one that is written anew each time."""

import uuid

import django
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.prepared import CHECKED_WITH, ByKey
from invoices.models import Invoice, PaymentLink
from tests.factories import make_invoice, make_link
from tests.race import run_together

pytestmark = pytest.mark.django_db


def links():
    return PaymentLink.objects.select_related("invoice__customer", "tenant").defer("tenant__name")


def test_django_is_a_release_that_the_shortcuts_were_checked_with():
    """After an upgrade: run these tests and `bin/bench prepared`, then extend CHECKED_WITH."""
    assert django.VERSION[:2] in CHECKED_WITH


def test_the_row_and_its_related_rows_in_one_statement():
    prepared = ByKey(links)
    for link in [make_link(make_invoice()) for _ in range(3)]:
        with CaptureQueriesContext(connection) as spent:
            found = prepared.first(link.pk)
            assert found.invoice.customer.name == link.invoice.customer.name
            assert found.tenant.slug == link.tenant.slug
        assert len(spent) == 1
        plain = links().get(pk=link.pk)
        for name in (field.attname for field in PaymentLink._meta.concrete_fields):
            assert getattr(found, name) == getattr(plain, name), name
            assert type(getattr(found, name)) is type(getattr(plain, name)), name
        assert found.invoice.total == plain.invoice.total
        assert found.tenant.name == plain.tenant.name  # read when it is touched


def test_what_changed_is_read_again():
    prepared, link = ByKey(links), make_link(make_invoice())
    assert prepared.first(link.pk).opened_at is None
    link.mark_opened()
    assert prepared.first(link.pk).opened_at == link.opened_at


def test_nothing_has_that_key():
    assert ByKey(links).first(0) is None


def test_the_key_may_be_another_field():
    prepared = ByKey(Invoice.objects.all, "public_id")
    invoice = make_invoice()
    make_invoice()
    assert prepared.first(invoice.public_id) == invoice
    assert prepared.first(uuid.uuid4()) is None


def test_a_query_that_needs_more_than_a_key_is_refused():
    with pytest.raises(ValueError, match="key"):
        ByKey(lambda: Invoice.objects.filter(number="INV-1")).first(1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="threads need PostgreSQL")
def test_threads_do_not_mix_their_rows():
    prepared = ByKey(links)
    keys = [make_link(make_invoice()).pk for _ in range(8)]
    look = [lambda key=key: [prepared.first(key).pk for _ in range(20)] for key in keys]
    assert run_together(*look) == [[key] * 20 for key in keys]
