"""One text comes of any number of clicks, and a resend needs the sender's word."""

import uuid

import pytest

from audit.models import AuditEntry
from invoices.models import InvoiceError, PaymentLink
from payments.models import payment_state
from sms.models import TextMessage
from sms.outbox.queue import NeedsConfirmation, queue_text
from sms.recipient import Recipient
from tests.factories import MOBILE, make_customer, make_invoice, make_text

pytestmark = pytest.mark.django_db
OTHER = "+19785550177"


@pytest.fixture
def invoice(tenant):
    return make_invoice(customer=make_customer(tenant))


def queue(invoice, actor, **fields):
    recipient = Recipient.of(invoice.customer, fields.pop("to", MOBILE))
    return queue_text(invoice, recipient, **{"actor": actor, "key": uuid.uuid4(), **fields})


def finish(message, status="sent"):
    message.claim()
    message.report(status, "SM" + f"{message.pk:032x}", None)


def test_a_text_brings_a_link_and_two_entries(invoice, clerk):
    message, new = queue(invoice, clerk)
    assert new
    assert message.link.status == "live"
    assert message.body.count(message.link.url) == 1
    actions = AuditEntry.objects.about(invoice.audit_subject).values_list("action", flat=True)
    assert list(actions[:2]) == ["text.queued", "link.issued"]


def test_the_same_key_is_the_same_text(invoice, clerk):
    key = uuid.uuid4()
    first, _ = queue(invoice, clerk, key=key)
    finish(first)
    again, new = queue(invoice, clerk, key=key)
    assert (again.pk, new) == (first.pk, False)


def test_while_one_is_on_its_way_there_is_no_second(invoice, clerk, admin_user):
    first, _ = queue(invoice, clerk)
    again, new = queue(invoice, admin_user, confirmed=True, seen=str(first.public_id))
    assert (again.pk, new) == (first.pk, False)
    assert PaymentLink.objects.count() == 1


def test_a_resend_needs_continue_and_supersedes_the_link(invoice, clerk):
    first, _ = queue(invoice, clerk)
    finish(first)
    with pytest.raises(NeedsConfirmation) as question:
        queue(invoice, clerk, seen=str(first.public_id))
    assert question.value.last == first
    second, new = queue(invoice, clerk, seen=str(first.public_id), confirmed=True)
    assert new
    first.link.refresh_from_db()
    assert (first.link.status, second.link.status) == ("superseded", "live")


def test_continue_counts_for_the_text_that_was_shown_only(invoice, clerk):
    first, _ = queue(invoice, clerk)
    finish(first)
    second, _ = queue(invoice, clerk, seen=str(first.public_id), confirmed=True)
    finish(second)
    with pytest.raises(NeedsConfirmation) as question:
        queue(invoice, clerk, seen=str(first.public_id), confirmed=True)
    assert question.value.last == second


def test_a_text_that_surely_did_not_go_out_needs_no_continue(invoice, clerk):
    first, _ = queue(invoice, clerk)
    first.claim()
    first.mark_failed(21610)
    _, new = queue(invoice, clerk, seen=str(first.public_id))
    assert new


def test_going_back_and_choosing_another_number_is_not_taken_for_a_replay(invoice, clerk):
    key = uuid.uuid4()
    first, _ = queue(invoice, clerk, key=key)
    finish(first)
    with pytest.raises(NeedsConfirmation):
        queue(invoice, clerk, key=key, to=OTHER)
    assert TextMessage.objects.count() == 1


def test_a_key_of_another_invoice_is_refused(invoice, clerk, tenant):
    key = uuid.uuid4()
    queue(invoice, clerk, key=key)
    other = make_invoice(customer=make_customer(tenant))
    with pytest.raises(InvoiceError):
        queue(other, clerk, key=key)


@pytest.mark.parametrize("state", ["draft", "void"])
def test_an_invoice_that_asks_for_nothing_is_not_texted(tenant, clerk, state):
    invoice = make_invoice(customer=make_customer(tenant), opened=state != "draft")
    if state == "void":
        invoice.void(actor=clerk, reason="mistake", read_payments=payment_state)
    with pytest.raises(InvoiceError):
        make_text(invoice, clerk)
    assert not TextMessage.objects.exists()
    assert not PaymentLink.objects.exists()
