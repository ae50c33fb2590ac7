"""Cash and checks: recorded and voided by staff, so that the balance is whole."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from customers.models import Customer
from invoices.models import PaymentLink
from payments.models import Payment
from tests.addresses import reverse
from tests.payments.conftest import address, sweep_after

pytestmark = pytest.mark.django_db


def today(invoice):
    """The company's date."""
    return timezone.now().astimezone(invoice.tenant.zone).date()


def record(browser, invoice, amount="182.50", **more):
    """As the dialog does."""
    data = {
        "key": str(uuid.uuid4()),
        "method": "check",
        "amount": amount,
        "document": "1042",
        "received_on": today(invoice).isoformat(),
        **more,
    }
    return browser.post(reverse("payments:record", args=[invoice.public_id]), data, follow=True)


def void(browser, payment, reason="The check bounced"):
    """As the dialog does."""
    page = reverse("payments:void_record", args=[payment.public_id])
    return browser.post(page, {"reason": reason}, follow=True)


def test_a_check_pays_the_bill_and_closes_the_link(invoice, link, clerk, browser_of):
    page = record(browser_of(clerk), invoice).content.decode()
    assert "Check 1042" in page
    assert "Recorded by Maya Torres" in page
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid) == ("paid", Decimal("182.50"))
    assert PaymentLink.objects.get(pk=link.pk).status == "closed"
    entry = AuditEntry.objects.get(action="payment.recorded")
    assert (entry.actor, entry.data["account"]) == (clerk, "Check 1042")


def test_the_dialog_warns_of_a_payment_that_is_being_checked(
    payer, invoice, link, form, gateway, clerk, browser_of
):
    browser = browser_of(clerk)
    dialog = reverse("payments:record", args=[invoice.public_id])
    assert "is being checked" not in browser.get(dialog).content.decode()
    gateway.fault("auth", "drop_after")
    payer.post(address(link), form)
    words = "A payment of $182.50 with Visa ending 1111 is being checked with CardConnect"
    assert words in browser.get(dialog).content.decode()
    assert "$182.50 recorded" in record(browser, invoice).content.decode()


def test_a_part_leaves_the_rest(invoice, clerk, browser_of):
    record(browser_of(clerk), invoice, "100.00", method="cash", document="")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.balance) == ("open", Decimal("82.50"))
    assert Customer.objects.get().balance == Decimal("82.50")


def test_more_than_the_balance_is_refused_in_words(invoice, clerk, browser_of):
    answer = record(browser_of(clerk), invoice, "182.51")
    assert answer.status_code == 422
    assert "$182.50 is due on this invoice, so nothing was recorded." in answer.content.decode()
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"amount": "0"}, {"amount": "-5"}, {"document": "4111111111111111"}]
)
def test_nonsense_is_refused(invoice, clerk, browser_of, wrong):
    assert record(browser_of(clerk), invoice, **{"amount": "5", **wrong}).status_code == 422
    tomorrow = (today(invoice) + dt.timedelta(days=1)).isoformat()
    assert record(browser_of(clerk), invoice, received_on=tomorrow).status_code == 422
    assert not Payment.objects.exists()


def test_a_double_click_records_once(invoice, clerk, browser_of):
    key = str(uuid.uuid4())
    for _ in range(2):
        record(browser_of(clerk), invoice, "50.00", key=key)
    assert Payment.objects.count() == 1


def test_a_void_reopens_the_bill_once_and_keeps_the_row(invoice, clerk, browser_of):
    browser = browser_of(clerk)
    record(browser, invoice)
    payment = Payment.objects.get()
    assert void(browser, payment, "").status_code == 422
    assert "the balance is due again" in void(browser, payment).content.decode()
    assert "It was already voided" in void(browser, payment).content.decode()
    invoice.refresh_from_db()
    payment.refresh_from_db()
    assert (invoice.status, invoice.balance) == ("open", Decimal("182.50"))
    assert (payment.status, payment.amount) == ("voided", Decimal("182.50"))
    entry = AuditEntry.objects.get(action="payment.voided")
    assert (entry.actor, entry.data["reason"]) == (clerk, "The check bounced")


def test_who_may_not(invoice, viewer, stranger, clerk, browser_of):
    assert record(browser_of(viewer), invoice).status_code == 403
    assert record(browser_of(stranger), invoice).status_code == 404
    assert not Payment.objects.exists()
    record(browser_of(clerk), invoice)
    payment = Payment.objects.get()
    assert void(browser_of(viewer), payment).status_code == 403
    assert void(browser_of(stranger), payment).status_code == 404
    payment.refresh_from_db()
    assert payment.status == "captured"


def test_a_card_payment_is_not_voided_as_if_by_hand(
    payer, link, form, gateway, admin_user, browser_of
):
    payer.post(address(link), form)
    payment = Payment.objects.get()
    assert void(browser_of(admin_user), payment).status_code == 404
    assert len(gateway.taken()) == 1


def test_cash_while_a_card_is_being_charged_is_kept_and_flagged(
    payer, invoice, link, form, gateway, clerk, browser_of
):
    gateway.fault("auth", "drop_after")
    payer.post(address(link), form)
    card = Payment.objects.get()
    assert card.status == "unknown"
    record(browser_of(clerk), invoice, "182.50", method="cash", document="")
    assert sweep_after(card, 60).status == "captured"
    invoice.refresh_from_db()
    assert (invoice.paid, invoice.overpaid) == (Decimal("365.00"), Decimal("182.50"))
    for page in ("/", f"/invoices/{invoice.public_id}/"):
        assert "Overpaid" in browser_of(clerk).get(page).content.decode()
