"""The email in place of a text that did not arrive: once, or not at all."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import connection

from audit.models import AuditEntry
from customers.models import Contact
from invoices import tasks
from invoices.models import Invoice, InvoiceEmail
from invoices.models.invoice import LineValues
from payments.models import payment_state
from sms.models import TextMessage, TextRules
from sms.models.opt_out import STOPPED
from sms.outbox.queue import queue_answer
from sms.recipient import Recipient
from sms.tasks import NO_TRACE
from sms.twilio.status import record_report
from tenants.models import Tenant, User
from tests.factories import make_invoice, make_text
from tests.race import run_together

pytestmark = pytest.mark.django_db
SID = "SM" + "a" * 32
GONE = 30003  # the phone is out of reach
NO_MORE = 21610  # Twilio's word for an opt-out


@pytest.fixture(autouse=True)
def _climbs(tenant: Tenant) -> None:
    """The company wants the email."""
    TextRules.objects.create(tenant=tenant, emails_when_undelivered=True)


@pytest.fixture
def invoice(tenant: Tenant) -> Invoice:
    return make_invoice(tenant=tenant)


@pytest.fixture
def text(invoice: Invoice, clerk: User) -> TextMessage:
    """On its way to a phone."""
    message = make_text(invoice, clerk)
    message.claim()
    message.mark_sent(SID)
    return message


def lose(text: TextMessage, code: int | None = GONE) -> None:
    record_report(TextMessage.objects.get(pk=text.pk), "undelivered", SID, code)


def emails(text: TextMessage) -> list[InvoiceEmail]:
    return list(InvoiceEmail.objects.filter(invoice=text.invoice))


def page_of(text: TextMessage, browser: Any) -> str:
    return " ".join(browser.get(f"/invoices/{text.invoice.public_id}/").content.decode().split())


def test_a_lost_text_is_followed_by_the_same_link(text: TextMessage) -> None:
    lose(text)
    (email,) = emails(text)
    assert (email.to, email.link, email.sent_by) == ("dana@whitfield.example", text.link, None)
    tasks.send_email(email.pk)
    assert text.link.url in mail.outbox[0].body
    entry = AuditEntry.objects.about(text.audit_subject).get(action="email.queued")
    assert entry.who == "Textpay"
    text.refresh_from_db()
    assert entry.data["reason"] == f"A text was not delivered. {text.error}"
    assert text.link.token not in str(entry.data)


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "undelivered", "failed"])))
def test_reports_in_any_order_and_twice_make_one_email(
    invoice: Invoice, clerk: User, order: tuple[str, ...]
) -> None:
    message = make_text(invoice, clerk)
    message.claim()
    for status in order * 2:
        record_report(TextMessage.objects.get(pk=message.pk), status, SID, GONE)
    assert len(emails(message)) == 1


def test_a_text_found_lost_then_sent_then_lost_again_is_one_email(
    invoice: Invoice, clerk: User
) -> None:
    message = make_text(invoice, clerk)
    message.claim()
    assert message.mark_failed(None, NO_TRACE)
    message.mark_sent(SID)
    lose(message)
    message.refresh_from_db()
    assert message.status == "undelivered"
    assert len(emails(message)) == 1


def test_it_is_off_until_somebody_turns_it_on(
    text: TextMessage, admin_user: User, browser_of: Any
) -> None:
    TextRules.objects.all().delete()
    lose(text)
    assert emails(text) == []
    form = {"quiet_hours": "on", "outside_hours": "later", "emails_when_undelivered": "on"}
    browser = browser_of(admin_user)
    assert browser.post("/settings/texts/rules/", form).status_code == 302
    assert TextRules.of(text.tenant).emails_when_undelivered
    assert b"Send the email when a text is not delivered" in browser.get("/settings/texts/").content


def test_without_address_nothing_is_sent_and_the_page_says_so(
    text: TextMessage, clerk: User, browser_of: Any
) -> None:
    Contact.objects.update(email="")
    lose(text)
    assert emails(text) == []
    page = page_of(text, browser_of(clerk))
    assert "There is no email address for Dana, so nothing was emailed." in page
    assert "rail-letter" in page


def test_the_page_says_what_was_done(text: TextMessage, clerk: User, browser_of: Any) -> None:
    lose(text)
    browser = browser_of(clerk)
    assert "is on its way to dana@whitfield.example" in page_of(text, browser)
    (email,) = emails(text)
    tasks.send_email(email.pk)
    page = page_of(text, browser)
    assert "Textpay emailed the same link to dana@whitfield.example instead." in page
    assert page.index("rail-mail") < page.index("rail-letter")


def test_who_asked_for_no_texts_is_left_to_a_person(text: TextMessage) -> None:
    lose(text, NO_MORE)
    text.refresh_from_db()
    assert (text.trouble, emails(text)) == ("opted_out", [])


@pytest.mark.parametrize("reason", [STOPPED, "The invoice changed before it went out."])
def test_what_we_held_back_ourselves_is_not_emailed(
    invoice: Invoice, clerk: User, reason: str
) -> None:
    message = make_text(invoice, clerk)
    message.claim()
    assert message.hold_back(reason)
    assert (message.status, message.error, emails(message)) == ("failed", reason, [])


def test_cancelled_is_not_lost(invoice: Invoice, clerk: User) -> None:
    message = make_text(invoice, clerk)
    assert message.cancel(actor=clerk)
    assert emails(message) == []


def test_a_link_expired_by_hand_is_not_followed(text: TextMessage, clerk: User) -> None:
    text.link.expire(actor=clerk)
    lose(text)
    assert emails(text) == []


def test_a_newer_text_takes_the_place_of_the_older_one(text: TextMessage, clerk: User) -> None:
    make_text(text.invoice, clerk, seen=str(text.public_id), confirmed=True)
    lose(text)
    assert emails(text) == []


def test_nothing_to_pay_is_not_asked_for(text: TextMessage, clerk: User) -> None:
    text.invoice.void(actor=clerk, reason="test", read_payments=payment_state)
    lose(text)
    text.refresh_from_db()
    assert (text.status, emails(text)) == ("undelivered", [])


def test_paid_before_it_leaves_is_not_sent(text: TextMessage, clerk: User) -> None:
    lose(text)
    (email,) = emails(text)
    text.invoice.void(actor=clerk, reason="test", read_payments=payment_state)
    tasks.send_email(email.pk)
    email.refresh_from_db()
    assert (email.status, mail.outbox) == ("failed", [])


def test_an_answer_has_no_invoice_to_email(tenant: Tenant, text: TextMessage, clerk: User) -> None:
    answer, _ = queue_answer(
        tenant, Recipient(text.to), body="Thank you", key=text.public_id, actor=clerk
    )
    answer.claim()
    assert answer.mark_failed(GONE)
    assert not InvoiceEmail.objects.exists()


def test_killed_before_the_commit_neither_stands_and_both_are_made_again(
    text: TextMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sms.email_fallback.enqueue", die)
        with pytest.raises(KeyboardInterrupt):
            lose(text)
    assert emails(text) == []
    text.refresh_from_db()
    assert text.status == "sent"
    lose(text)
    assert len(emails(text)) == 1


def test_killed_after_the_commit_the_sweep_sends_it(text: TextMessage) -> None:
    lose(text)  # no worker was told: nothing runs after the commit in this test
    assert tasks.sweep_emails() == 1
    tasks.send_email(emails(text)[0].pk)
    tasks.send_email(emails(text)[0].pk)
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="row locks need PostgreSQL")
def test_reports_from_every_side_at_once_make_one_email(text: TextMessage, clerk: User) -> None:
    def resend() -> None:
        make_text(text.invoice, clerk, seen=str(text.public_id), confirmed=True, key=text.key)

    def edit() -> None:
        line = LineValues(description="Labor", quantity=Decimal(1), unit_price=Decimal(99))
        text.invoice.revise(lines=[line], tax=Decimal(0), actor=clerk, read_payments=payment_state)

    outcomes = run_together(*(lambda: lose(text) for _ in range(6)), resend, edit)
    assert outcomes == [None] * 8
    (email,) = emails(text)
    run_together(*(lambda: tasks.send_email(email.pk) for _ in range(4)))
    assert len(mail.outbox) == 1
