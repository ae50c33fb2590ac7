"""Void, Refund, Release and Record payment in a real browser, light and dark, wide and narrow."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from payments.models import Payment
from payments.refunding import execute
from payments.refunding.request import request_refund
from payments.staff.cash import record_by_hand
from payments.tasks import settle_bank_payments
from tests.browser import DESKTOP, PHONE, axe_violations, complaints, scrolls_sideways, sign_in
from tests.factories import PASSWORD, make_invoice, make_link
from tests.payments.conftest import address

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(browser: Browser, live_server: Any, admin_user: Any) -> Iterator[Page]:
    """A window in which Alma has signed in."""
    context = browser.new_context(viewport=DESKTOP, base_url=live_server.url)
    tab = sign_in(context, live_server, admin_user)
    refused: list[str] = []
    tab.on("console", lambda m: refused.append(m.text) if "Content Security" in m.text else None)
    tab.goto("/")
    yield tab
    context.close()
    assert refused == []


def test_a_void_in_the_dialog_tells_what_happened(page: Page, paid: Payment, gateway: Any) -> None:
    page.goto(f"/invoices/{paid.invoice.public_id}/")
    page.locator(f"#back-{paid.public_id}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_be_focused()
    dialog.get_by_label("Reason").fill("Wrong customer")
    dialog.get_by_label("Your password").fill("not it")
    dialog.get_by_role("button", name="Void payment").click()
    expect(dialog.get_by_text("That is not your password.")).to_be_visible()
    assert len(gateway.taken()) == 1
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Void payment").click()
    expect(page.get_by_text("Visa ending 1111 will not be charged $182.50.")).to_be_visible()
    expect(page.locator(".balance")).to_have_text("$182.50")
    assert gateway.taken() == []


def test_every_page_is_clean_at_every_size(
    page: Page, paid: Payment, gateway: Any, clerk: Any
) -> None:
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    settle_bank_payments()
    other = make_invoice(paid.tenant, customer=paid.invoice.customer)
    check, _ = record_by_hand(
        other, method="check", amount=Decimal("5.00"), document="7", received_on=other.issued_on,
        actor=clerk, key=uuid.uuid4(),
    )  # fmt: skip
    paid.refresh_from_db()
    paid.tenant.refund_release_over = Decimal("1.00")
    paid.tenant.save()
    refund, _ = request_refund(
        paid, amount=Decimal("9.00"), reason="Too much", actor=clerk, key=uuid.uuid4()
    )
    pages = [
        "/",
        f"/invoices/{paid.invoice.public_id}/",
        f"/payments/{paid.public_id}/give-back/",
        f"/payments/{check.public_id}/void/",
        f"/refunds/{refund.public_id}/release/",
        f"/invoices/{other.public_id}/record-payment/",
    ]
    for where in pages:
        page.goto(where)
        assert complaints(page, DESKTOP, PHONE) == []


def test_what_the_payer_sees_of_it_is_clean_too(
    page: Page, payer: Any, link: Any, form: Any, bank_form: Any, clerk: Any, gateway: Any
) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(address(link))
    key = page.locator("input[name=key]").input_value()
    payer.post(address(link), form | {"key": key})
    page.evaluate(
        """entered => {
            const form = document.getElementById("form");
            document.querySelector("[value=ach]").checked = true;
            form.elements.token.value = entered.token;
            form.elements.name.value = entered.name;
            form.elements.agree.checked = true;
            HTMLFormElement.prototype.submit.call(form);
        }""",
        bank_form,
    )
    expect(page.get_by_role("heading", name="Nothing more was charged")).to_be_visible()
    assert axe_violations(page) == []
    assert not scrolls_sideways(page)
    page.get_by_role("link", name="See that payment").click()
    expect(page.get_by_role("heading", name="Paid. Thank you, Dana.")).to_be_visible()
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    settle_bank_payments()
    refund, _ = request_refund(
        Payment.objects.get(), amount=Decimal("9.00"), reason="x", actor=clerk, key=uuid.uuid4()
    )
    execute.send(refund)
    fresh = make_link(link.invoice)
    for one in (link, fresh):
        one.refresh_from_db()
        page.goto(address(one))
        expect(page.get_by_role("table", name="Canceled or refunded")).to_be_visible()
        expect(page.get_by_role("cell", name="−$9.00 USD")).to_be_visible()
        assert axe_violations(page) == []
        assert not scrolls_sideways(page)
