"""After the charge: cards settle or are rejected, bank payments clear or come back."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest

from audit.clock import db_now
from audit.models import AuditEntry
from customers.models import Customer
from payments.ach_return_codes import REASONS, reason_of
from payments.gateway import client
from payments.models import CardConnectAccount, Payment
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.settlement import banking_days
from payments.tasks import settle_bank_payments
from tenants.models import Tenant
from tests.factories import make_text
from tests.payments.conftest import address, check_everybody

pytestmark = pytest.mark.django_db


@pytest.fixture
def started(payer, link, bank_form, gateway):
    """A bank payment of $182.50, queued at the gateway."""
    payer.post(address(link), bank_form)
    return Payment.objects.get()


def look(payment):
    """Run the task as if the pause had passed."""
    Payment.objects.update(next_look_at=None)
    CardConnectAccount.objects.update(next_funding_at=None)
    settle_bank_payments()
    payment.refresh_from_db()
    payment.invoice.refresh_from_db()
    return payment


def made_days_ago(payment, days):
    """Let it have been made that many days ago."""
    moment = db_now() - dt.timedelta(days=days)
    Payment.objects.filter(pk=payment.pk).update(created_at=moment, resolved_at=moment)
    payment.refresh_from_db()


def close(gateway, **more):
    """The gateway settles the day."""
    gateway.sandbox.control("close-batch", merchid=gateway.merchid, **more)


def send_back(gateway, payment, code, *, days_ago=0, **more):
    """The payer's bank returns it; the report of that day says so."""
    if days_ago:
        more["day"] = (db_now().date() - dt.timedelta(days=days_ago)).isoformat()
    gateway.sandbox.control("return", retref=payment.retref, code=code, **more)


def count(action):
    """How often the history has it."""
    return AuditEntry.objects.filter(action=action).count()


def test_a_card_payment_settles_with_the_batch(paid, gateway):
    assert look(paid).status == "captured"
    close(gateway)
    assert look(paid).status == "settled"
    assert (paid.invoice.status, paid.invoice.balance) == ("paid", 0)
    look(paid)
    assert count("payment.settled") == 1


def test_a_card_payment_rejected_at_settlement_reopens_the_bill(paid, gateway, clerk, browser_of):
    close(gateway, reject=[paid.retref])
    assert look(paid).status == "rejected"
    assert (paid.invoice.status, paid.invoice.balance) == ("open", Decimal("182.50"))
    assert Customer.objects.get().balance == Decimal("182.50")
    assert "Rejected at settlement" in browser_of(clerk).get("/").content.decode()
    look(paid)
    assert count("payment.rejected") == 1


def test_what_somebody_voided_at_the_gateway_reopens_the_bill(paid, gateway):
    paid.refresh_from_db()
    assert gateway.charges()[0]["setlstat"] == "Queued for Capture"
    assert client.void(paid, paid.retref)
    assert look(paid).status == "voided"
    assert paid.invoice.balance == Decimal("182.50")


def test_a_bank_payment_clears_after_its_days_and_not_before(started, gateway):
    close(gateway)
    assert look(started).status == "started"
    assert started.invoice.status == "pending"
    made_days_ago(started, 12)
    assert look(started).status == "cleared"
    assert started.invoice.status == "paid"
    look(started)
    assert count("payment.cleared") == 1


def test_what_was_refunded_while_the_gateway_was_asked_stays_refunded(
    started, gateway, admin_user, monkeypatch
):
    close(gateway)
    assert look(started).status == "started"
    made_days_ago(started, 12)
    inquire = client.inquire

    def answered_late(payment):
        """Meanwhile another worker clears it, and the office refunds it whole."""
        monkeypatch.setattr(client, "inquire", inquire)
        seen = inquire(payment)
        assert look(started).status == "cleared"
        refund, _ = request_refund(
            started, amount=started.amount, reason="Twice", actor=admin_user, key=uuid.uuid4()
        )
        execute.send(refund)
        return seen

    monkeypatch.setattr(client, "inquire", answered_late)
    look(started)
    assert (started.status, started.refunded) == ("refunded", started.amount)
    assert (count("payment.cleared"), count("payment.refunded")) == (1, 1)
    assert {violation.invariant for violation in check_everybody()} == {
        7
    }  # set back by made_days_ago


def test_a_bank_payment_still_queued_does_not_clear(started, gateway):
    made_days_ago(started, 12)
    assert look(started).status == "started"


def test_a_return_reopens_the_balance_and_tells_why(started, gateway, clerk, browser_of):
    close(gateway)
    send_back(gateway, started, "R01")
    assert look(started).status == "returned"
    assert started.return_code == "R01"
    assert (started.invoice.status, started.invoice.balance) == ("open", Decimal("182.50"))
    assert Customer.objects.get().balance == Decimal("182.50")
    assert started.amount == Decimal("182.50")  # history is not edited
    browser = browser_of(clerk)
    for page in ("/", f"/invoices/{started.invoice.public_id}/"):
        words = browser.get(page).content.decode()
        assert "Bank payment returned" in words
        assert "There was not enough money in the account." in words
    words = browser.get(f"/invoices/{started.invoice.public_id}/").content.decode()
    assert "Send a new text" in words
    assert f"/invoices/{started.invoice.public_id}/text/" in words


def test_a_second_return_of_the_same_payment_changes_nothing(started, gateway):
    close(gateway)
    send_back(gateway, started, "R01")
    look(started)
    before = list(AuditEntry.objects.values_list("pk", flat=True))
    send_back(gateway, started, "R10", again=True)
    look(started)
    assert (started.status, started.return_code) == ("returned", "R01")
    assert list(AuditEntry.objects.values_list("pk", flat=True)) == before


def test_a_return_weeks_after_it_cleared(started, gateway):
    close(gateway)
    gateway.sandbox.control("fund", merchid=gateway.merchid)
    made_days_ago(started, 45)
    for _ in range(20):  # the poller was away, and catches up a few days at a time
        look(started)
    assert started.status == "cleared"
    send_back(gateway, started, "R10")
    assert look(started).status == "returned"
    assert "did not authorize this payment" in started.reason
    assert started.invoice.balance == Decimal("182.50")
    assert count("payment.returned") == 1


def test_a_fresh_text_takes_it_off_home(started, gateway, clerk, browser_of):
    close(gateway)
    send_back(gateway, started, "R01")
    look(started)
    make_text(started.invoice, clerk)
    assert "Bank payment returned" not in browser_of(clerk).get("/").content.decode()


def test_the_code_may_come_after_the_return(started, gateway):
    close(gateway)
    send_back(gateway, started, "R03")
    gateway.fault("funding", "http_500", times=6)
    assert look(started).status == "returned"
    assert started.return_code == ""
    look(started)
    look(started)
    assert started.return_code == "R03"
    assert (count("payment.returned"), count("payment.explained")) == (1, 1)


@pytest.mark.parametrize("days_ago", [2, 5])
def test_a_return_in_a_report_that_was_read_before(started, gateway, days_ago):
    """Banks' data come up to 72 hours late, and stand in the report of their own day."""
    Tenant.objects.update(ach_clear_days=10)
    made_days_ago(started, 6)
    close(gateway)
    gateway.sandbox.control("fund", merchid=gateway.merchid)
    for _ in range(2):
        assert look(started).status == "started"
    send_back(gateway, started, "R01", days_ago=days_ago)
    assert look(started).status == "returned"
    assert started.return_code == "R01"
    assert started.invoice.balance == Decimal("182.50")


def test_the_code_in_an_earlier_report_of_what_inquire_called_rejected(started, gateway):
    close(gateway)
    gateway.fault("funding", "http_500", times=6)
    send_back(gateway, started, "R03", days_ago=3)
    assert (look(started).status, started.return_code) == ("returned", "")
    assert (look(started).status, started.return_code) == ("returned", "R03")


def test_nothing_clears_before_todays_reading_of_what_came_back(started, gateway):
    """It came back after it was paid out, so only a report tells; one cannot be had for now."""
    close(gateway)
    gateway.sandbox.control("fund", merchid=gateway.merchid)
    made_days_ago(started, 3)
    assert look(started).status == "started"
    made_days_ago(started, 12)
    send_back(gateway, started, "R01", days_ago=4)
    yesterday = db_now().date() - dt.timedelta(days=1)
    CardConnectAccount.objects.update(funding_read_to=yesterday)
    gateway.fault("funding", "http_500", times=2)
    assert look(started).status == "started"
    assert look(started).status == "returned"
    assert count("payment.cleared") == 0


def test_a_report_that_cannot_be_read_hides_no_other(started, gateway):
    close(gateway)
    gateway.sandbox.control("fund", merchid=gateway.merchid)
    made_days_ago(started, 45)
    send_back(gateway, started, "R01")
    gateway.fault("funding", "html")
    assert look(started).status == "returned"


def test_a_gateway_that_does_not_answer_changes_nothing(started, gateway):
    close(gateway)
    made_days_ago(started, 12)
    gateway.fault("inquire", "http_500")
    gateway.fault("funding", "drop_before", times=4)
    assert look(started).status == "started"


def test_the_payer_who_looks_later_is_told_the_truth(started, gateway, payer, link):
    close(gateway)
    send_back(gateway, started, "R01")
    look(started)
    page = payer.get(f"{address(link)}{started.public_id}/").content.decode()
    assert "Your bank did not complete this payment" in page
    assert "Thank you" not in page


def test_unauthorized_and_in_error_are_two_things():
    """R11 has meant "not as authorized" since April 2020, not check truncation."""
    assert "did not authorize" in REASONS["R10"]
    assert "differs from what the customer authorized" in REASONS["R11"]
    assert "returned the payment" in reason_of("R99")


@pytest.mark.parametrize(
    ("day", "count", "then"),
    [
        (dt.date(2026, 11, 20), 1, dt.date(2026, 11, 23)),  # over a weekend
        (dt.date(2026, 11, 24), 2, dt.date(2026, 11, 27)),  # over Thanksgiving
        (dt.date(2026, 12, 24), 1, dt.date(2026, 12, 28)),  # over Christmas and a weekend
        (dt.date(2026, 7, 2), 1, dt.date(2026, 7, 3)),  # a holiday on Saturday is not moved
        (dt.date(2027, 7, 2), 1, dt.date(2027, 7, 6)),  # on Sunday, it is kept on Monday
        (dt.date(2026, 5, 22), 1, dt.date(2026, 5, 26)),  # Memorial Day
        (dt.date(2026, 11, 20), 0, dt.date(2026, 11, 20)),
    ],
)
def test_banking_days(day, count, then):
    assert banking_days.after(day, count) == then
