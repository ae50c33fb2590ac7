"""Above the company's limit two people give money back: one asks, another releases."""

from decimal import Decimal

import pytest

from payments.models import Payment, Refund
from tenants.models import Role
from tests.addresses import reverse
from tests.factories import PASSWORD, make_member
from tests.payments.refunding.test_refunds import actions, ask, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def big(settled):
    """The company wants second person for refunds above $100."""
    settled.tenant.refund_release_over = Decimal("100.00")
    settled.tenant.save()
    return settled


def release(browser, refund, decision="release"):
    """Answer the second person's question."""
    data = {"confirm_password": PASSWORD, "decision": decision}
    return browser.post(reverse("payments:release", args=[refund.public_id]), data, follow=True)


def test_above_the_limit_two_people_are_needed(big, tenant, admin_user, browser_of, gateway):
    first = browser_of(admin_user)
    assert "is waiting for a second person to release it. No money has moved." in said(
        ask(first, big)
    )
    refund = Refund.objects.get()
    assert gateway.charges(kind="refund") == []
    page = said(first.get(f"/invoices/{big.invoice.public_id}/"))
    assert "Waiting for release" in page
    assert f'id="back-{big.public_id}"' not in page
    assert "Waiting for a second person" in said(first.get("/"))
    answer = release(first, refund)
    assert "You requested this refund, so you cannot release it" in said(answer)
    other = make_member(tenant, "Administrator", name="Omar Diaz")
    release(browser_of(other), refund)
    release(browser_of(other), refund)
    refund.refresh_from_db()
    assert (refund.status, refund.released_by) == ("done", other)
    assert len(gateway.charges(kind="refund")) == 1


def test_parts_that_are_above_the_limit_together_need_two_people(
    big, tenant, admin_user, browser_of, gateway
):
    first = browser_of(admin_user)
    ask(first, big, "60.00")
    ask(first, big, "40.00")
    assert [row["amount"] for row in gateway.charges(kind="refund")] == ["60.00", "40.00"]
    told = ask(first, big, "82.50")
    assert "$82.50 is waiting for a second person to release it. No money has moved." in said(told)
    assert len(gateway.charges(kind="refund")) == 2
    other = browser_of(make_member(tenant, "Administrator", name="Omar Diaz"))
    release(other, Refund.objects.get(status="requested"))
    assert len(gateway.charges(kind="refund")) == 3


def test_both_people_read_what_went_back_before(big, admin_user, browser_of):
    browser = browser_of(admin_user)
    page = reverse("payments:give_back", args=[big.public_id])
    assert "already been refunded" not in said(browser.get(page))
    ask(browser, big, "60.00")
    dialog = said(browser.get(page))
    assert "$60.00 of this payment has already been refunded" in dialog
    assert "When more than $100.00 of one payment is refunded, at once or in parts" in dialog
    ask(browser, big, "90.00")
    refund = Refund.objects.get(status="requested")
    question = said(browser.get(reverse("payments:release", args=[refund.public_id])))
    assert "$60.00 of this payment has already been refunded" in question


@pytest.mark.parametrize("ended", ["declined", "cancelled", "returned"])
def test_what_did_not_go_back_counts_for_no_limit(big, admin_user, browser_of, gateway, ended):
    ask(browser_of(admin_user), big, "100.00")
    Refund.objects.update(status=ended)
    Payment.objects.update(refunded=0)
    assert "$82.50 is on its way back" in said(ask(browser_of(admin_user), big, "82.50"))


def test_a_surcharge_counts_within_the_limit_of_all_parts(big, admin_user, browser_of):
    ask(browser_of(admin_user), big, "50.00")
    Refund.objects.update(fee=Decimal("1.50"))
    Payment.objects.update(fee=Decimal("5.48"))
    assert "is waiting for a second person" in said(ask(browser_of(admin_user), big, "49.00"))


def test_what_is_not_released_moves_no_money(big, tenant, admin_user, browser_of, gateway):
    ask(browser_of(admin_user), big)
    refund = Refund.objects.get()
    other = make_member(tenant, "Administrator", name="Omar Diaz")
    assert "No money has moved" in said(release(browser_of(other), refund, "cancel"))
    refund.refresh_from_db()
    assert refund.status == "cancelled"
    assert gateway.charges(kind="refund") == []
    assert "refund.cancelled" in actions()


@pytest.fixture
def bookkeeper(tenant):
    """May ask for refunds, and release none."""
    role = Role.objects.create(
        tenant=tenant, name="Bookkeeper", permissions=["view_invoices", "refund_payments"]
    )
    return make_member(tenant, role.name, name="Ines Bell")


def test_whoever_asked_may_take_it_back_without_the_right_to_release(
    big, tenant, bookkeeper, browser_of, gateway
):
    browser = browser_of(bookkeeper)
    ask(browser, big)
    refund = Refund.objects.get()
    question = reverse("payments:release", args=[refund.public_id])
    for page in (f"/invoices/{big.invoice.public_id}/", question):
        assert "Withdraw request" in said(browser.get(page))
        assert "Review request" not in said(browser.get(page))
    assert 'value="release"' not in said(browser.get(question))
    assert question in said(browser.get("/"))
    assert "You requested this refund, so you cannot release it" in said(release(browser, refund))
    told = said(release(browser, refund, "cancel"))
    assert "No money has moved. Ines Bell withdrew the request." in told
    refund.refresh_from_db()
    assert (refund.status, gateway.charges(kind="refund")) == ("cancelled", [])
    ask(browser, big)  # it may be asked for again
    assert Refund.objects.filter(status="requested").count() == 1


def test_nobody_else_takes_it_back_without_the_right_to_release(
    big, admin_user, bookkeeper, browser_of, gateway
):
    ask(browser_of(admin_user), big)
    refund = Refund.objects.get()
    browser = browser_of(bookkeeper)
    question = reverse("payments:release", args=[refund.public_id])
    for page in (f"/invoices/{big.invoice.public_id}/", "/"):
        assert question not in said(browser.get(page))
    assert browser.get(question).status_code == 403
    for decision in ("cancel", "release"):
        assert release(browser, refund, decision).status_code == 403
    refund.refresh_from_db()
    assert (refund.status, gateway.charges(kind="refund")) == ("requested", [])


def test_whoever_asked_and_may_release_others_takes_it_back_too(big, admin_user, browser_of):
    browser = browser_of(admin_user)
    ask(browser, big)
    assert "Withdraw request" in said(browser.get(f"/invoices/{big.invoice.public_id}/"))
    assert "Alma Reyes withdrew the request." in said(
        release(browser, Refund.objects.get(), "cancel")
    )


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        (lambda payment: payment.mark_returned("R16"), "Bank payment returned in the meantime."),
        (lambda payment: payment.reject("Refused"), "rejected at settlement in the meantime."),
    ],
)
def test_a_request_lapses_when_the_money_went_back_by_itself(
    big, tenant, admin_user, browser_of, gateway, ends, why
):
    """Found under fire: the bank returned what somebody had asked to refund; it waited for ever."""
    ask(browser_of(admin_user), big)
    refund = Refund.objects.get()
    method, status = ("ach", "cleared") if "Bank" in why else ("card", "captured")
    Payment.objects.update(method=method, status=status)
    assert ends(Payment.objects.get())
    refund.refresh_from_db()
    assert refund.status == "cancelled"
    assert refund.outcome.lower().endswith(why.lower())
    other = make_member(tenant, "Administrator", name="Omar Diaz")
    release(browser_of(other), refund)
    assert gateway.charges(kind="refund") == []
    assert "Waiting for a second person" not in said(browser_of(other).get("/"))
