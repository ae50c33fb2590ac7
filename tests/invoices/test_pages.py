"""Invoices as staff see, write and change them."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit import clock
from audit.models import AuditEntry
from invoices.models import Invoice, PaymentLink
from payments.models import payment_state
from tests.addresses import reverse
from tests.factories import make_customer, make_invoice, make_link, make_text

PAGES = ["detail", "live", "edit", "void", "send_email"]


def lines_data(*lines: tuple[str, str, str], **fields: str) -> dict[str, str]:
    """An invoice form as the browser sends it."""
    data = {
        "description": "Boiler service",
        "issued_on": "2026-11-20",
        "due_on": "2026-12-20",
        "tax": "0",
        "lines-TOTAL_FORMS": str(len(lines)),
        "lines-INITIAL_FORMS": "0",
    }
    for number, (description, quantity, price) in enumerate(lines):
        data[f"lines-{number}-description"] = description
        data[f"lines-{number}-quantity"] = quantity
        data[f"lines-{number}-unit_price"] = price
    return data | fields


def pay(invoice: Invoice, amount: str) -> None:
    """Book a captured card payment on the invoice."""
    link = invoice.live_link or make_link(invoice)
    with transaction.atomic():
        payment = invoice.payments.create(
            tenant=invoice.tenant,
            link=link,
            key=uuid.uuid4(),
            method="card",
            amount=Decimal(amount),
            status="captured",
            site="fts-uat",
            merchid="496160873888",
            retref=str(uuid.uuid4().int)[:12],
        )
        payment.book()
    invoice.refresh_from_db()


def url(name: str, invoice: Invoice) -> str:
    """The address of one invoice's page."""
    return reverse(f"invoices:{name}", args=[invoice.public_id])


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_for_the_office_and_is_not_there_for_a_stranger(
    name: str, clerk: Any, stranger: Any, browser_of: Any, tenant: Any
) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    assert browser_of(clerk).get(url(name, invoice)).status_code == 200
    assert browser_of(stranger).get(url(name, invoice)).status_code == 404


def test_a_stranger_changes_nothing(stranger: Any, browser_of: Any, tenant: Any) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    link = make_link(invoice)
    browser = browser_of(stranger)
    assert browser.post(url("expire_link", invoice)).status_code == 404
    assert browser.post(url("void", invoice), {"reason": "mine"}).status_code == 404
    data = lines_data(("Labor", "1", "1.00"))
    assert browser.post(url("edit", invoice), data).status_code == 404
    invoice.refresh_from_db()
    link.refresh_from_db()
    assert (invoice.status, invoice.total, link.status) == ("open", Decimal("182.50"), "live")
    assert invoice.number not in browser.get(reverse("invoices:list")).content.decode()


def test_a_viewer_looks_and_is_told_who_to_ask(viewer: Any, browser_of: Any, tenant: Any) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    make_link(invoice)
    browser = browser_of(viewer)
    assert browser.get(url("detail", invoice)).status_code == 200
    for name in ("edit", "void"):
        answer = browser.post(url(name, invoice))
        assert answer.status_code == 403
        assert "Create and edit invoices" in answer.content.decode()
    assert browser.post(url("expire_link", invoice)).status_code == 403
    assert browser.post(url("send_email", invoice)).status_code == 403
    assert browser.get(reverse("invoices:create")).status_code == 403


def test_signed_out_people_are_sent_to_sign_in(payer: Any, tenant: Any) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    for address in (reverse("invoices:list"), url("detail", invoice), reverse("home")):
        answer = payer.get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_login"))


def test_list_takes_the_same_queries_for_one_and_for_forty(
    clerk: Any, browser_of: Any, tenant: Any, django_assert_num_queries: Any
) -> None:
    browser = browser_of(clerk)
    for count in (1, 39):
        for _ in range(count):
            make_text(make_invoice(customer=make_customer(tenant)), clerk)
        with django_assert_num_queries(10):
            assert browser.get(reverse("invoices:list")).status_code == 200
    page = browser.get(reverse("invoices:list"), {"page": "2"}).content.decode()
    assert "26 to 40 of 40" in page
    assert "$7,300.00" in page


def test_detail_takes_the_same_queries_however_much_happened(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    browser = browser_of(clerk)
    counts = []
    for _ in range(2):
        text = make_text(invoice, clerk)
        type(text)._base_manager.filter(pk=text.pk).update(status="delivered")
        with CaptureQueriesContext(connection) as seen:
            browser.get(url("detail", invoice))
        counts.append(len(seen))
        type(text)._base_manager.filter(pk=text.pk).delete()
        make_link(invoice)
        make_link(invoice)
    assert counts[0] == counts[1]
    assert counts[0] <= 16


def test_search_by_number_customer_words_and_phone(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    dana = make_invoice(customer=make_customer(tenant, "Dana Whitfield"), number="INV-7001")
    bell = make_customer(tenant, "Marcus Bell", mobile="+19785550177")
    make_invoice(customer=bell, number="INV-7002", description="Drain cleaning")
    browser = browser_of(clerk)
    for words, wanted, other in [
        ("7002", "INV-7002", dana.number),
        ("bell", "INV-7002", dana.number),
        ("drain", "INV-7002", dana.number),
        ("(978) 555-0177", "INV-7002", dana.number),
        ("whit", dana.number, "INV-7002"),
    ]:
        page = browser.get(reverse("invoices:list"), {"q": words}).content.decode()
        assert wanted in page
        assert other not in page
    page = browser.get(reverse("invoices:list"), {"q": "zzz"}).content.decode()
    assert "No matching invoices" in page


def test_filter_by_every_status(clerk: Any, browser_of: Any, tenant: Any) -> None:
    customer = make_customer(tenant)
    today = timezone.now().astimezone(tenant.zone).date()
    late = {"issued_on": today - dt.timedelta(40), "due_on": today - dt.timedelta(1)}
    soon = {"issued_on": today, "due_on": today}
    invoices = {
        "overdue": make_invoice(customer=customer, **late),
        "not-sent": make_invoice(customer=customer, **soon),
        "not-delivered": make_invoice(customer=customer, **soon),
        "paid": make_invoice(customer=customer, **soon),
        "void": make_invoice(customer=customer, **soon),
        "draft": make_invoice(customer=customer, opened=False, **soon),
    }
    texts = [make_text(invoices["not-delivered"], clerk), make_text(invoices["overdue"], clerk)]
    Text = type(texts[0])
    Text._base_manager.filter(pk=texts[0].pk).update(status="undelivered", error="Landline")
    Text._base_manager.filter(pk=texts[1].pk).update(status="delivered")
    pay(invoices["paid"], "182.50")
    invoices["void"].void(actor=clerk, reason="Twice", read_payments=payment_state)
    browser = browser_of(clerk)
    for status, wanted in invoices.items():
        page = browser.get(reverse("invoices:list"), {"status": status})
        shown = {invoice.number for invoice in page.context["page"]}
        assert shown == {wanted.number}, status
    shown = browser.get(reverse("invoices:list"), {"status": "open"}).context["page"]
    assert len(shown.object_list) == 3
    page = browser.get(reverse("invoices:list")).content.decode()
    for words in ("1 day overdue", "Not sent yet", "Not delivered", "Landline", "Void", "Draft"):
        assert words in page


def test_the_calendar_of_practice_mode_decides_what_is_overdue(
    clerk: Any, browser_of: Any, tenant: Any, settings: Any
) -> None:
    settings.PRACTICE_MODE = True
    today = timezone.now().astimezone(tenant.zone).date()
    invoice = make_invoice(tenant, issued_on=today, due_on=today)
    browser = browser_of(clerk)
    for days, overdue in ((0, []), (1, [invoice])):
        clock.move(timezone.now() + dt.timedelta(days=days))
        page = browser.get(reverse("invoices:list"), {"status": "overdue"})
        assert list(page.context["page"]) == overdue
        assert ("1 day overdue" in page.content.decode()) is bool(overdue)
        home = browser.get(reverse("home"))
        assert home.context["overdue"] == overdue
        assert home.context["sums"]["late_count"] == len(overdue)
        assert home.context["today"] == today + dt.timedelta(days=days)


def test_a_new_invoice_is_open_and_in_the_history(clerk: Any, browser_of: Any, tenant: Any) -> None:
    customer = make_customer(tenant)
    data = lines_data(
        ("Diagnostic visit", "1", "79.00"),
        ("Heating element", "2", "24.00"),
        ("Labor", "0.75", "70.00"),
        ("", "1.00", ""),
        customer=str(customer.public_id),
        tax="3.00",
    )
    answer = browser_of(clerk).post(reverse("invoices:create"), data)
    invoice = Invoice.objects.get()
    assert answer["Location"] == f"/{invoice.tenant.slug}{url('detail', invoice)}"
    assert (invoice.total, invoice.tax, invoice.status) == (Decimal("182.50"), 3, "open")
    assert [line.description for line in invoice.lines.all()][-1] == "Labor"
    customer.refresh_from_db()
    assert customer.balance == Decimal("182.50")
    actions = AuditEntry.objects.about(invoice.audit_subject).values_list("action", flat=True)
    assert list(actions) == ["invoice.open", "invoice.created"]
    assert {entry.actor for entry in AuditEntry.objects.all()} == {clerk}


@pytest.mark.parametrize(
    ("lines", "fields", "words"),
    [
        ([], {}, "Add at least one line."),
        ([("", "1.00", "")], {}, "Add at least one line."),
        ([("Labor", "1", "0")], {}, "The lines add up to $0.00."),
        ([("Labor", "1", "-5")], {}, "A price cannot be below $0.00."),
        ([("Labor", "0", "5")], {}, "Quantity must be more than 0."),
        ([("Labor", "-1", "5")], {}, "Quantity must be more than 0."),
        ([("Labor", "x", "5")], {}, "Enter a number."),
        ([("", "1", "5")], {}, "Enter a description."),
        ([("Labor", "1", "5.001")], {}, "2 decimal places"),
        ([("Labor", "999999", "999999")], {}, "An invoice cannot be for more than $9,999,999.99."),
        ([("Labor", "1", "5")], {"tax": "-1"}, "Tax cannot be below $0.00."),
        ([("Labor", "1", "5")], {"due_on": "2026-11-19"}, "before the invoice date"),
        ([("Labor", "1", "5")], {"issued_on": ""}, "Enter the invoice date."),
        ([("Labor", "1", "5")], {"customer": ""}, "Choose the customer for this invoice."),
        ([("Labor", "1", "5")], {"customer": "nonsense"}, "Choose a customer from the list."),
    ],
)
def test_a_new_invoice_is_refused_in_words(
    lines: Any, fields: Any, words: str, clerk: Any, browser_of: Any, tenant: Any
) -> None:
    customer = make_customer(tenant)
    data = lines_data(*lines, **{"customer": str(customer.public_id), **fields})
    answer = browser_of(clerk).post(reverse("invoices:create"), data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Invoice.objects.exists()
    assert not AuditEntry.objects.exists()


def test_another_companys_customer_cannot_be_billed(
    clerk: Any, stranger: Any, browser_of: Any, tenant: Any
) -> None:
    theirs = make_customer(stranger.memberships.get().tenant, "Their Customer")
    browser = browser_of(clerk)
    make_customer(tenant)
    assert "Their Customer" not in browser.get(reverse("invoices:create")).content.decode()
    data = lines_data(("Labor", "1", "5"), customer=str(theirs.public_id))
    answer = browser.post(reverse("invoices:create"), data)
    assert "Choose a customer from the list." in answer.content.decode()
    assert not Invoice.objects.exists()


def test_edit_replaces_the_lines_and_takes_removed_ones_away(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    data = lines_data(("Labor", "1.00", "182.50"), ("Valve", "1", "17.50"))
    data |= {"lines-INITIAL_FORMS": "1"}
    browser = browser_of(clerk)
    assert browser.post(url("edit", invoice), data).status_code == 302
    invoice.refresh_from_db()
    assert (invoice.total, invoice.description) == (Decimal("200.00"), "Boiler service")
    data = lines_data(("Labor", "1.00", "182.50"), ("Valve", "1.00", "17.50"))
    data |= {"lines-INITIAL_FORMS": "2", "lines-0-DELETE": "on"}
    assert browser.post(url("edit", invoice), data).status_code == 302
    assert [line.description for line in invoice.lines.all()] == ["Valve"]


def test_an_invoice_cannot_drop_below_what_was_paid(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    pay(invoice, "100.00")
    data = lines_data(("Labor", "1", "99.99"), description="Cheaper")
    answer = browser_of(clerk).post(url("edit", invoice), data)
    assert answer.status_code == 422
    assert "$100.00 has been paid on this invoice." in answer.content.decode()
    invoice.refresh_from_db()
    assert (invoice.total, invoice.description) == (Decimal("182.50"), "Water heater repair")
    data = lines_data(("Labor", "1", "100.00"))
    assert browser_of(clerk).post(url("edit", invoice), data).status_code == 302
    invoice.refresh_from_db()
    assert (invoice.status, invoice.balance) == ("paid", 0)


def test_void_needs_a_reason_and_no_money(clerk: Any, browser_of: Any, tenant: Any) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    link = make_link(invoice)
    browser = browser_of(clerk)
    assert "Enter a reason" in browser.post(url("void", invoice), {"reason": ""}).content.decode()
    answer = browser.post(url("void", invoice), {"reason": "Sent twice"}, HTTP_HX_REQUEST="true")
    assert (answer.status_code, answer["HX-Redirect"]) == (
        204,
        f"/{invoice.tenant.slug}{url('detail', invoice)}",
    )
    invoice.refresh_from_db()
    link.refresh_from_db()
    assert (invoice.status, link.status) == ("void", PaymentLink.Status.CLOSED)
    assert AuditEntry.objects.get(action="invoice.void").data["reason"] == "Sent twice"
    paid = make_invoice(customer=invoice.customer)
    pay(paid, "1.00")
    answer = browser.post(url("void", paid), {"reason": "Oops"})
    assert "A payment was made on this invoice" in answer.content.decode()
    paid.refresh_from_db()
    assert paid.status == "open"


def test_void_twice_says_so(clerk: Any, browser_of: Any, tenant: Any) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    browser = browser_of(clerk)
    for _ in range(2):
        assert browser.post(url("void", invoice), {"reason": "Sent twice"}).status_code == 302
    assert AuditEntry.objects.filter(action="invoice.void").count() == 1


def test_expire_link_kills_it_at_once(clerk: Any, browser_of: Any, tenant: Any) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    link = make_link(invoice)
    browser = browser_of(clerk)
    assert browser.get(url("expire_link", invoice)).status_code == 405
    answer = browser.post(url("expire_link", invoice), follow=True)
    link.refresh_from_db()
    assert link.status == PaymentLink.Status.DISABLED
    assert "Link expired" in answer.content.decode()
    browser.post(url("expire_link", invoice))
    entry = AuditEntry.objects.get(action="link.disabled")
    assert (entry.actor, link.token in str(entry.data)) == (clerk, False)


def test_the_poll_says_nothing_until_something_changed(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    make_text(invoice, clerk)
    browser = browser_of(clerk)
    page = browser.get(url("detail", invoice))
    version = page.context["live"].version
    assert version in page.content.decode()
    for _ in range(2):  # countdowns and form tokens do not count as a change
        assert browser.get(url("live", invoice), {"v": version}).status_code == 204
    pay(invoice, "100.00")
    answer = browser.get(url("live", invoice), {"v": version})
    assert answer.status_code == 200
    assert "$82.50" in answer.content.decode()
    assert 'id="live-balance"' in answer.content.decode()
    assert browser.get(url("live", invoice), {"v": answer["X-Version"]}).status_code == 204


def test_the_page_has_the_name_of_the_manual(clerk: Any, browser_of: Any, tenant: Any) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    page = browser_of(clerk).get(url("detail", invoice)).content.decode()
    assert f"<title>Invoice Details, {invoice.number}" in page
    assert "<span>Invoice Details</span></nav>" in page
    assert f'<h1>Invoice Details <span class="nowrap">{invoice.number}</span>' in page


def test_more_details_shows_message_and_number_and_hides_the_link(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    text = make_text(invoice, clerk)
    page = browser_of(clerk).get(url("detail", invoice)).content.decode()
    assert "Audit History" in page
    assert "More Details" in page
    assert "+1 (978) 555-0142" in page
    assert "Pay here:" in page
    assert text.link.hint in page
    assert text.link.token not in page


def test_an_invoice_that_cannot_be_paid_online_links_to_the_application(
    clerk: Any, browser_of: Any, tenant: Any
) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    type(tenant).objects.update(processor="none", text_to_pay_enabled=False)
    page = browser_of(clerk).get(url("detail", invoice)).content.decode()
    assert "Integrated Payments Application" in page
    assert 'href="https://integrated-payments.example/apply"' in page


def test_words_of_strangers_are_never_markup(clerk: Any, browser_of: Any, tenant: Any) -> None:
    evil = '<script>alert("x")</script>'
    customer = make_customer(tenant, evil)
    invoice = make_invoice(customer=customer, description=evil)
    browser = browser_of(clerk)
    customer_page = reverse("customers:detail", args=[customer.public_id])
    for address in (reverse("invoices:list"), url("detail", invoice), customer_page):
        assert evil not in browser.get(address).content.decode()


def test_home_shows_what_needs_a_person(clerk: Any, browser_of: Any, tenant: Any) -> None:
    customer = make_customer(tenant)
    lost, late, paid = (make_invoice(customer=customer) for _ in range(3))
    text = make_text(lost, clerk)
    type(text)._base_manager.filter(pk=text.pk).update(status="undelivered", error="Landline")
    today = timezone.now().astimezone(tenant.zone).date()
    Invoice._base_manager.filter(pk=late.pk).update(due_on=today - dt.timedelta(3))
    pay(paid, "182.50")
    paid.payments.update(resolved_at=timezone.now())
    page = browser_of(clerk).get(reverse("home"))
    assert [invoice.number for invoice in page.context["needs"]] == [lost.number]
    assert [invoice.number for invoice in page.context["overdue"]] == [late.number]
    assert page.context["money"]["today"] == Decimal("182.50")
    assert page.context["sums"]["owed"] == Decimal("365.00")
    assert "Nothing needs your attention" not in page.content.decode()


def test_home_says_how_much_too_much_came_in(clerk: Any, browser_of: Any, tenant: Any) -> None:
    invoice = make_invoice(customer=make_customer(tenant))
    pay(invoice, "248.50")  # by card and by check at one moment
    page = browser_of(clerk).get(reverse("home")).content.decode()
    assert "Overpaid: $66.00" in page


def test_home_shows_the_companys_own_date(
    clerk: Any, browser_of: Any, tenant: Any, monkeypatch: Any
) -> None:
    late = dt.datetime(2026, 11, 28, 4, 3, tzinfo=dt.UTC)  # Friday evening in New York
    monkeypatch.setattr(clock, "timezone", SimpleNamespace(now=lambda: late))
    page = browser_of(clerk).get(reverse("home")).content.decode()
    assert "Friday, November 27" in page
