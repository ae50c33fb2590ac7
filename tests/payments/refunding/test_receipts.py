"""The customer hears what went back: by email, else at the payment link; or staff are told."""

import datetime as dt
import smtplib

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from audit.clock import db_now
from audit.models import AuditEntry
from payments.models import Refund
from payments.tasks import settle_refunds
from tests.addresses import reverse
from tests.factories import make_link
from tests.payments.conftest import address
from tests.payments.refunding.test_refunds import ask, said

pytestmark = pytest.mark.django_db
NO_RECEIPT = "No email address is on file, so no receipt will be sent."


@pytest.fixture
def no_email(link):
    """The billing contact has none."""
    contact = link.invoice.customer.billing_contact
    contact.email = ""
    contact.save()


def dialog(browser, payment):
    """What is read before money goes back."""
    return said(browser.get(reverse("payments:give_back", args=[payment.public_id])))


def test_the_dialog_says_where_the_receipt_goes(paid, admin_user, browser_of):
    page = dialog(browser_of(admin_user), paid)
    assert "The customer will see it in the receipt emailed to dana@whitfield.example." in page
    assert NO_RECEIPT not in page


def test_without_an_address_the_link_tells_the_customer(
    no_email, settled, admin_user, browser_of, payer, link
):
    browser = browser_of(admin_user)
    page = dialog(browser, settled)
    assert f"{NO_RECEIPT} The payment link page shows the refund" in page
    assert "Canceled or refunded" not in said(payer.get(address(link)))
    ask(browser, settled, "45.50")
    settle_refunds()
    assert mail.outbox == []
    ask(browser, settled, "37.00")
    page = said(payer.get(address(link)))
    assert "This link is closed" in page
    assert "Canceled or refunded" in page
    for amount in ("$45.50", "$37.00"):
        assert page.count(amount) == 1
    assert "1111" not in page  # that is for the browser that paid
    assert "Charged twice" not in page


def test_a_void_shows_at_the_link_too(no_email, paid, admin_user, browser_of, payer, link):
    ask(browser_of(admin_user), paid)
    page = said(payer.get(address(link)))
    assert "Canceled" in page
    assert "$182.50" in page


def test_a_fresh_link_shows_it_as_well(no_email, settled, admin_user, browser_of, payer, tenant):
    browser = browser_of(admin_user)
    ask(browser, settled, "45.50")
    fresh = make_link(settled.invoice)
    page = said(payer.get(address(fresh)))
    assert "Canceled or refunded" in page
    assert "−$45.50" in page
    fresh.expire(actor=admin_user)
    assert "Canceled or refunded" not in said(payer.get(address(fresh)))
    page = dialog(browser, settled)
    assert f"{NO_RECEIPT} Please tell the customer yourself" in page


def test_what_was_asked_for_or_declined_does_not_show(settled, admin_user, payer, link, browser_of):
    settled.tenant.refund_release_over = 0
    settled.tenant.save()
    ask(browser_of(admin_user), settled)
    assert "Canceled or refunded" not in said(payer.get(address(link)))


def test_a_receipt_that_is_given_up_is_told_to_staff(
    settled, admin_user, clerk, browser_of, monkeypatch
):
    def is_down(self, messages):
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(EmailBackend, "send_messages", is_down)
    ask(browser_of(admin_user), settled, "82.50")
    settle_refunds()
    refund = Refund.objects.get()
    assert refund.receipt_due_at is not None
    told = "The refund receipt could not be emailed. Please tell the customer yourself."
    page = f"/invoices/{settled.invoice.public_id}/"
    assert told not in said(browser_of(clerk).get(page))
    Refund.objects.update(resolved_at=db_now() - dt.timedelta(hours=25), receipt_due_at=db_now())
    for _ in range(2):
        settle_refunds()
    html = said(browser_of(clerk).get(page))
    assert f"Refund of $82.50: Completed. {told}" in html
    assert "Refund receipt not sent: the email failed" in html
    [entry] = AuditEntry.objects.filter(action="refund.receipt_given_up")
    assert entry.subject == settled.invoice.audit_subject
    assert entry.data == {"email": "dana@whitfield.example", "amount": "82.50"}
    refund.refresh_from_db()
    assert (refund.status, refund.receipt_due_at) == ("done", None)
    assert not AuditEntry.objects.filter(action="refund.receipt_sent").exists()
