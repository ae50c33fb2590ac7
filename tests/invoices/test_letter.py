"""**Print letter**: the open link on paper, masked in the history, never made by looking."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import segno
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, expect

from audit.models import AuditEntry
from customers.models import Contact
from invoices.models import Invoice, PaymentLink
from payments.models import payment_state
from payments.staff.cash import record_by_hand
from sms.models import BulkSend, BulkText
from sms.twilio.status import record_report
from tenants.models import Role, Tenant, User
from tests.addresses import reverse
from tests.browser import PHONE, chromium, complaints, sign_in
from tests.factories import PASSWORD, make_customer, make_invoice, make_link, make_tenant, make_text

pytestmark = pytest.mark.django_db
HOME = {"street": "3 Mill Road", "city": "Rockport", "region": "MA", "postal": "01966"}


@pytest.fixture
def invoice(tenant: Tenant) -> Invoice:
    customer = make_customer(tenant, "Whitfield Dental", **HOME)
    days = {"issued_on": dt.date(2026, 11, 20), "due_on": dt.date(2026, 12, 20)}
    return make_invoice(customer=customer, **days)


def page(invoice: Invoice) -> str:
    return reverse("invoices:letter", args=[invoice.public_id])


def words(answer: Any) -> str:
    return " ".join(BeautifulSoup(answer.content, "html.parser").get_text(" ").split())


def squares(answer: Any) -> str:
    """What the QR code on the page draws."""
    drawing = BeautifulSoup(answer.content, "html.parser").select_one(".code svg path")
    assert drawing is not None
    return str(drawing["d"])


def squares_of(address: str) -> str:
    """What a QR code of this address draws."""
    drawing = segno.make_qr(address, error="m").svg_inline(border=4, omitsize=True)
    path = BeautifulSoup(drawing, "html.parser").select_one("path")
    assert path is not None
    return str(path["d"])


def test_it_carries_the_live_link_as_code_and_as_words(
    invoice: Invoice, clerk: User, browser_of: Any, settings: Any
) -> None:
    settings.PUBLIC_BASE_URL = "https://pay.example"
    link = make_link(invoice)
    answer = browser_of(clerk).post(page(invoice))
    assert answer.status_code == 200
    assert squares(answer) == squares_of(link.url)
    said = words(answer)
    assert f" pay.example/p/{link.token} " in said
    for expected in ("Whitfield Dental", "3 Mill Road", "Rockport, MA 01966", "$182.50", "Labor"):
        assert expected in said
    assert "call (978) 555-0134" in said
    assert "Dear Whitfield Dental, here is your invoice for $182.50, due December 20, 2026" in said
    assert invoice.links.count() == 1
    assert "no-store" in answer["Cache-Control"]


def test_looking_makes_no_link_and_shows_none(
    invoice: Invoice, clerk: User, browser_of: Any
) -> None:
    answer = browser_of(clerk).get(page(invoice))
    assert "It gets a new link, valid for 60 calendar days." in words(answer)
    assert "that text replaces the link" in words(answer)
    assert not PaymentLink.objects.exists()
    link = make_link(invoice)
    answer = browser_of(clerk).get(page(invoice))
    assert "It uses the link that was sent before" in words(answer)
    assert link.token not in answer.content.decode()
    assert not AuditEntry.objects.filter(action="letter.printed").exists()


def test_printing_makes_a_link_where_none_is_live(
    invoice: Invoice, clerk: User, browser_of: Any
) -> None:
    old = make_link(invoice)
    old.expire(actor=clerk)
    answer = browser_of(clerk).post(page(invoice))
    link = PaymentLink.objects.live().get()
    assert squares(answer) == squares_of(link.url)
    assert browser_of(clerk).post(page(invoice)).status_code == 200
    assert PaymentLink.objects.live().get() == link


def test_the_history_tells_who_and_where_to_but_no_secret(
    invoice: Invoice, clerk: User, browser_of: Any
) -> None:
    browser_of(clerk).post(page(invoice))
    link = PaymentLink.objects.get()
    entry = AuditEntry.objects.about(invoice.audit_subject).get(action="letter.printed")
    assert entry.actor == clerk
    assert entry.data == {
        "address": "Whitfield Dental, 3 Mill Road, Rockport, MA 01966",
        "link": link.masked_url,
    }
    details = browser_of(clerk).get(reverse("invoices:detail", args=[invoice.public_id]))
    assert "Letter printed by Maya Torres" in words(details)
    assert "3 Mill Road" in words(details)
    assert link.token not in details.content.decode()


def test_it_speaks_the_contacts_language(invoice: Invoice, clerk: User, browser_of: Any) -> None:
    Contact.objects.update(language="es", name="Ana Díaz")
    said = words(browser_of(clerk).post(page(invoice)))
    for expected in (
        "Hola, Ana Díaz: esta es su factura por $182.50, que vence el 20 de diciembre de 2026.",
        "Whitfield Dental Ana Díaz 3 Mill Road",
        "Cómo pagar",
        "Por teléfono: llame al (978) 555-0134",
    ):
        assert expected in said
    assert "Dear" not in said


def test_it_asks_for_what_is_left(invoice: Invoice, clerk: User, browser_of: Any) -> None:
    record_by_hand(
        invoice,
        method="cash",
        amount=Decimal("82.50"),
        document="",
        received_on=dt.date(2026, 11, 20),
        actor=clerk,
        key=invoice.public_id,
    )
    said = words(browser_of(clerk).post(page(invoice)))
    assert "Paid, thank you −$82.50 Amount due $100.00 USD" in said


def test_nothing_to_pay_prints_nothing(invoice: Invoice, clerk: User, browser_of: Any) -> None:
    invoice.void(actor=clerk, reason="test", read_payments=payment_state)
    answer = browser_of(clerk).post(page(invoice))
    assert answer.status_code == 422
    assert "There is nothing to pay on this invoice" in words(answer)
    assert not PaymentLink.objects.exists()


def test_without_processor_it_says_so(browser_of: Any) -> None:
    other = make_tenant("Pine Street Cleaning")
    role = Role.objects.get(tenant=other, name="Office")
    user = User.objects.create_user("pat@pine.example", PASSWORD)
    user.memberships.create(tenant=other, role=role)
    answer = browser_of(user).post(page(make_invoice(other)))
    assert answer.status_code == 422
    assert "cannot be paid online yet" in words(answer)


def test_without_address_it_says_so_and_prints_all_the_same(
    tenant: Tenant, clerk: User, browser_of: Any
) -> None:
    bare = make_invoice(tenant)
    assert "Dana Whitfield has no street address." in words(browser_of(clerk).get(page(bare)))
    assert browser_of(clerk).post(page(bare)).status_code == 200


@pytest.mark.parametrize("permission", ["send_texts", "send_emails"])
def test_who_may_send_may_print(
    invoice: Invoice, clerk: User, viewer: User, browser_of: Any, permission: str
) -> None:
    assert browser_of(viewer).post(page(invoice)).status_code == 403
    Role.objects.filter(name="Office").update(permissions=[permission])
    assert browser_of(clerk).post(page(invoice)).status_code == 200


def test_a_payers_page_opens_from_the_code(
    invoice: Invoice, clerk: User, browser_of: Any, payer: Any
) -> None:
    browser_of(clerk).post(page(invoice))
    link = PaymentLink.objects.get()
    typed = payer.get(f"/p/{link.token}", follow=True)
    assert "$182.50" in words(typed)
    assert "$182.50" in words(payer.get(reverse("payments:pay", args=[link.token])))
    make_text(invoice, clerk)
    assert "newer text" in words(payer.get(reverse("payments:pay", args=[link.token])))


def test_it_is_offered_after_a_text_that_did_not_arrive(
    invoice: Invoice, clerk: User, browser_of: Any
) -> None:
    text = make_text(invoice, clerk)
    text.claim()
    record_report(text, "undelivered", "SM" + "b" * 32, 21610)
    shown = browser_of(clerk).get(reverse("invoices:detail", args=[invoice.public_id]))
    html = shown.content.decode()
    assert html.index("rail-mail") < html.index("rail-letter")
    assert "print-letter" in html


def test_a_bulk_send_offers_it_beside_each_problem(
    invoice: Invoice, clerk: User, browser_of: Any
) -> None:
    bulk, _ = BulkSend.objects.start(invoice.tenant, [invoice], actor=clerk, key=invoice.public_id)
    shown = browser_of(clerk).get(reverse("sms:bulk", args=[bulk.public_id]))
    assert "Print letter" not in words(shown)
    BulkText.objects.update(outcome="left_out", reason="There is no number.")
    shown = browser_of(clerk).get(reverse("sms:bulk", args=[bulk.public_id]))
    assert "There is no number. Email instead" in words(shown)
    assert page(invoice) in shown.content.decode()


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.mark.django_db(transaction=True)
def test_twelve_lines_fit_one_sheet_and_print(
    browser: Browser, live_server: Any, invoice: Invoice, clerk: User
) -> None:
    lines = [
        {"description": f"Visit {n} and labor", "quantity": Decimal(1), "unit_price": Decimal(15)}
        for n in range(12)
    ]
    invoice.revise(lines=lines, tax=Decimal("4.00"), actor=clerk, read_payments=payment_state)
    context = browser.new_context(base_url=live_server.url)
    tab = sign_in(context, live_server, clerk)
    refused: list[str] = []
    tab.on("console", lambda m: refused.append(m.text) if "Content Security" in m.text else None)
    tab.goto(reverse("invoices:detail", args=[invoice.public_id]))
    tab.get_by_label("More ways to send").click()
    tab.get_by_role("link", name="Print letter").click()
    expect(tab.get_by_role("heading", name="Print letter")).to_be_visible()
    assert complaints(tab) == []
    tab.get_by_role("button", name="Print letter").click()
    tab.evaluate("window.print = () => { window.printed = true }")
    button = tab.get_by_role("button", name="Print", exact=True)
    expect(button).to_be_focused()
    button.press("Enter")
    assert tab.evaluate("window.printed")
    assert complaints(tab) == []
    assert tab.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 1
    tab.set_viewport_size(PHONE)
    assert complaints(tab) == []
    assert refused == []
    context.close()
