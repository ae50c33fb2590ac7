"""The rail on Invoice Details: what has happened to a text, in words that are true."""

import pytest
from django.utils import timezone

from invoices.models import Invoice
from sms.models import TextMessage
from sms.templatetags.texts import rail
from tests.factories import make_invoice, make_text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "words"), [("pending", "Bank payment started"), ("paid", "Paid"), ("open", "Paid")]
)
def test_the_rail_never_calls_a_started_bank_payment_paid(clerk, status, words):
    message = make_text(make_invoice(clerk.memberships.get().tenant), clerk)
    paid_at = None if status == "open" else timezone.now()
    assert message.invoice
    Invoice.objects.filter(pk=message.invoice.pk).update(status=status, paid_at=paid_at)
    last = rail(TextMessage.objects.select_related("invoice").get(pk=message.pk))[-1]
    assert (last.words, last.look) == (words, "" if status == "open" else "done")
