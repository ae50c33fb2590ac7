"""What staff, the API and Support see of payments."""

import uuid

import pytest

from payments.models import Authorization, Payment
from tests.payments.conftest import PARTIAL, address

pytestmark = pytest.mark.django_db


def test_the_api_lists_payments_of_the_company_only(paid, viewer, stranger, browser_of):
    mine = browser_of(viewer)
    [row] = mine.get("/api/v1/payments/").json()["results"]
    assert (row["id"], row["amount"], row["status"]) == (str(paid.public_id), "182.50", "captured")
    assert (row["brand"], row["last4"]) == ("Visa", "1111")
    assert mine.get(f"/api/v1/payments/{paid.public_id}/").json() == row
    assert mine.get(f"/api/v1/payments/?invoice={uuid.uuid4()}").json()["results"] == []
    assert mine.get("/api/v1/payments/?invoice=nonsense").status_code == 400
    theirs = browser_of(stranger)
    assert theirs.get("/api/v1/payments/").json()["results"] == []
    assert theirs.get(f"/api/v1/payments/{paid.public_id}/").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_api_changes_no_payment(paid, admin_user, browser_of, method):
    call = getattr(browser_of(admin_user), method)
    assert call(f"/api/v1/payments/{paid.public_id}/").status_code in (403, 405)
    paid.refresh_from_db()
    assert paid.status == "captured"


def test_nobody_reads_the_api_without_signing_in(paid, payer):
    assert payer.get("/api/v1/payments/").status_code == 403


def test_staff_see_what_was_paid_with_what(paid, clerk, browser_of):
    page = browser_of(clerk).get(f"/invoices/{paid.invoice.public_id}/").content.decode()
    for words in ("Visa ending 1111", paid.reference, paid.retref, "Paid"):
        assert words in page


def test_a_started_bank_payment_is_not_called_paid(
    payer, link, bank_form, gateway, clerk, browser_of
):
    payer.post(address(link), bank_form)
    page = browser_of(clerk).get(f"/invoices/{link.invoice.public_id}/").content.decode()
    assert "Bank payment started" in page
    assert "Clears in about 4 business days" in page


def test_support_may_look_and_not_touch(paid, support, browser_of):
    browser = browser_of(support)
    for model, row in (("payment", paid), ("authorization", Authorization.objects.get())):
        assert browser.get(f"/admin/payments/{model}/").status_code == 200
        assert browser.get(f"/admin/payments/{model}/{row.pk}/change/").status_code == 200
        assert browser.get(f"/admin/payments/{model}/add/").status_code == 403
        assert browser.post(f"/admin/payments/{model}/{row.pk}/delete/").status_code == 403
    browser.post(f"/admin/payments/payment/{paid.pk}/change/", {"amount": "1"})
    paid.refresh_from_db()
    assert f"{paid.amount}" == "182.50"


def test_support_asks_about_what_needs_a_person(payer, link, form, gateway, support, browser_of):
    gateway.fault("void", "http_500")
    payer.post(address(link), form | {"token": gateway.token(PARTIAL)})
    payment = Payment.objects.get()
    assert payment.status == "needs_attention"
    asked = {"action": "ask_again", "_selected_action": [payment.pk]}
    answer = browser_of(support).post("/admin/payments/payment/", asked, follow=True)
    assert f"{payment.reference}: Declined" in answer.content.decode()
    assert gateway.taken() == []
