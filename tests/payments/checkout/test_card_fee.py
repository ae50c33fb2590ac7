"""A merchant account with a convenience or service fee: nobody is charged more than was said."""

import pytest

from payments.activation import NotEnabled, disable_text_to_pay, enable_text_to_pay
from payments.models import Payment
from tests.conftest import signed_in
from tests.payments.checkout.test_pages import words_of
from tests.payments.conftest import address

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "value", "adds"),
    [("C", "2.00", True), ("F", "2.00", True), ("N", "0", False)],
)
def test_a_fee_is_learned_when_credentials_are_checked(
    tenant, support, payer, link, form, gateway, with_fee, kind, value, adds
):
    disable_text_to_pay(tenant, support)
    account = with_fee(kind, value)
    if adds:
        with pytest.raises(NotEnabled, match=r"adds a (convenience|service) fee of 2%, which"):
            enable_text_to_pay(tenant, support)
    else:
        assert enable_text_to_pay(tenant, support)
    account.refresh_from_db()
    assert account.adds_fee is adds
    page = payer.get(address(link))
    assert ("This invoice cannot be paid online" in words_of(page)) is adds
    answer = payer.post(address(link), form)
    assert answer.status_code == (409 if adds else 302)
    assert len(gateway.charges()) == (0 if adds else 1)


def test_staff_are_told_why(admin_user, tenant, support, with_fee):
    with_fee("C", "2.50")
    disable_text_to_pay(tenant, support)
    with pytest.raises(NotEnabled):
        enable_text_to_pay(tenant, support)
    words = words_of(signed_in(admin_user).get("/settings/payments/"))
    assert "this merchant account adds a convenience fee of 2.5%" in words
    page = signed_in(support).get(f"/admin/tenants/tenant/{tenant.pk}/change/")
    assert "This merchant account adds a convenience fee of 2.5%." in words_of(page)


@pytest.mark.parametrize("kind", ["C", "F"])
def test_a_fee_nobody_knew_of_is_given_back(payer, link, form, gateway, with_fee, kind):
    account = with_fee(kind)
    page = payer.post(address(link), form, follow=True)
    payment = Payment.objects.get()
    assert payment.status == "declined"
    assert "you did not agree to was added" in payment.reason
    assert gateway.taken() == []
    link.invoice.refresh_from_db()
    assert link.invoice.paid == 0
    assert "No money has been taken." in words_of(page)
    account.refresh_from_db()
    assert account.adds_fee
    assert "This invoice cannot be paid online" in words_of(payer.get(address(link)))


def test_a_fee_that_cannot_be_given_back_locks_the_invoice(payer, link, form, gateway, with_fee):
    with_fee("C")
    gateway.fault("void", "http_500")
    page = payer.post(address(link), form, follow=True)
    assert Payment.objects.get().status == "needs_attention"
    assert "A person is looking into this payment." in words_of(page)
    assert payer.post(address(link), form | {"key": "0" * 32}).status_code == 409
    assert len(gateway.taken()) == 1
