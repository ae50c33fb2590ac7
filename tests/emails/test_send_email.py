"""**Send Email**: one email per click, with a link that opens; honest when it does not go out."""

from __future__ import annotations

import datetime as dt
import re
import smtplib
import uuid
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from audit.models import AuditEntry
from customers.models import Contact
from invoices import tasks
from invoices.email_message import ink_on
from invoices.models import Invoice, InvoiceEmail, InvoiceError, PaymentLink
from payments.models import payment_state
from tenants.models import Tenant, User
from tests.factories import make_invoice, make_link, make_tenant

pytestmark = pytest.mark.django_db
TO = "dana@whitfield.example"


@pytest.fixture
def invoice(tenant: Tenant) -> Invoice:
    return make_invoice(tenant)


def queue(invoice: Invoice, actor: User, **fields: Any) -> InvoiceEmail:
    values = {"to": TO, "key": uuid.uuid4(), **fields}
    return InvoiceEmail.objects.queue(invoice, actor=actor, **values)[0]


def actions(invoice: Invoice) -> list[str]:
    entries = AuditEntry.objects.filter(subject=invoice.audit_subject, action__startswith="email.")
    return list(entries.order_by("id").values_list("action", flat=True))


class Refusing:
    """A mail server that answers every message with one error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        def send(_: EmailMultiAlternatives, fail_silently: bool = False) -> int:
            raise error

        monkeypatch.setattr(EmailMultiAlternatives, "send", send)


def test_it_arrives_with_a_link_that_opens(invoice: Invoice, clerk: User, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://pay.example"
    sent = queue(invoice, clerk)
    tasks.send_email(sent.pk)
    (message,) = mail.outbox
    assert message.to == [TO]
    assert message.reply_to == [f"Harbor Plumbing & Heating <{invoice.tenant.email}>"]
    assert message.from_email.startswith("Harbor Plumbing & Heating <")
    assert message.subject == (f"Invoice {invoice.number} from Harbor Plumbing & Heating: $182.50")
    html = message.alternatives[0][0]
    for body in (message.body, html):
        token = re.search(r"https://pay\.example/p/(\w{22})", body)
        assert token
        assert PaymentLink.objects.opened_by(token[1]) == sent.link
        assert "$182.50" in body
        assert "Labor" in body
    assert "Dana" in message.body
    sent.refresh_from_db()
    assert sent.status == "sent"
    assert actions(invoice) == ["email.queued", "email.sending", "email.sent"]


def test_a_live_link_is_used_again(invoice: Invoice, clerk: User) -> None:
    link = make_link(invoice)
    assert queue(invoice, clerk).link == link
    assert invoice.links.count() == 1


def test_an_ended_link_is_replaced(invoice: Invoice, clerk: User) -> None:
    old = make_link(invoice)
    old.expire(actor=clerk)
    assert queue(invoice, clerk).link != old
    lapsed = PaymentLink.objects.live().get()
    PaymentLink.objects.filter(pk=lapsed.pk).update(expires_at=timezone.now())
    assert queue(invoice, clerk).link != lapsed
    lapsed.refresh_from_db()
    assert lapsed.status == "superseded"


def test_the_same_form_sends_once(
    invoice: Invoice, clerk: User, browser_of: Any, django_capture_on_commit_callbacks: Any
) -> None:
    form = {"to": TO, "key": str(uuid.uuid4())}
    page = f"/invoices/{invoice.public_id}/send-email/"
    for _ in range(2):
        answer = browser_of(clerk).post(page, form)
        assert answer.status_code == 302
    assert InvoiceEmail.objects.count() == 1


def test_running_the_task_twice_sends_once(invoice: Invoice, clerk: User) -> None:
    sent = queue(invoice, clerk)
    tasks.send_email(sent.pk)
    tasks.send_email(sent.pk)
    assert len(mail.outbox) == 1


def test_nothing_to_pay_is_refused(invoice: Invoice, clerk: User) -> None:
    invoice.void(actor=clerk, reason="test", read_payments=payment_state)
    with pytest.raises(InvoiceError, match="nothing to pay"):
        queue(invoice, clerk)
    assert not InvoiceEmail.objects.exists()


def test_without_processor_it_is_refused(clerk: User) -> None:
    with pytest.raises(InvoiceError, match="cannot be paid online"):
        queue(make_invoice(make_tenant("Pine Street Cleaning")), clerk)


def test_viewer_may_not(invoice: Invoice, viewer: User, browser_of: Any) -> None:
    page = f"/invoices/{invoice.public_id}/send-email/"
    answer = browser_of(viewer).post(page, {"to": TO, "key": str(uuid.uuid4())})
    assert answer.status_code == 403
    assert not InvoiceEmail.objects.exists()


def test_page_fills_in_the_billing_contact_and_works_without_script(
    invoice: Invoice, clerk: User, browser_of: Any
) -> None:
    page = f"/invoices/{invoice.public_id}/send-email/"
    answer = browser_of(clerk).get(page)
    assert f'value="{TO}"' in answer.content.decode()
    wrong = browser_of(clerk).post(page, {"to": "dana", "key": str(uuid.uuid4())})
    assert wrong.status_code == 422
    assert "Enter an email address such as" in wrong.content.decode()
    Contact.objects.update(email="")
    assert browser_of(clerk).get(page).status_code == 200


def test_paid_meanwhile_is_not_sent(invoice: Invoice, clerk: User) -> None:
    sent = queue(invoice, clerk)
    invoice.void(actor=clerk, reason="test", read_payments=payment_state)
    tasks.send_email(sent.pk)
    sent.refresh_from_db()
    assert (sent.status, mail.outbox) == ("failed", [])
    assert "nothing was sent" in sent.error


def test_a_company_made_inactive_meanwhile_sends_nothing(invoice: Invoice, clerk: User) -> None:
    sent = queue(invoice, clerk)
    Tenant.objects.filter(pk=invoice.tenant_id).update(is_active=False)
    tasks.send_email(sent.pk)
    sent.refresh_from_db()
    assert (sent.status, mail.outbox) == ("failed", [])
    assert "deactivated before it went out, so nothing was sent" in sent.error


def test_link_expired_meanwhile_is_not_sent(invoice: Invoice, clerk: User) -> None:
    sent = queue(invoice, clerk)
    sent.link.expire(actor=clerk)
    tasks.send_email(sent.pk)
    sent.refresh_from_db()
    assert (sent.status, mail.outbox) == ("failed", [])
    assert "Send it again" in sent.error


def test_server_down_keeps_it_and_the_sweep_sends_it(
    invoice: Invoice, clerk: User, django_capture_on_commit_callbacks: Any
) -> None:
    sent = queue(invoice, clerk)
    with pytest.MonkeyPatch.context() as patch:
        Refusing(patch, ConnectionRefusedError())
        tasks.send_email(sent.pk)
    sent.refresh_from_db()
    assert sent.status == "queued"
    assert tasks.sweep_emails() == 0  # not yet
    InvoiceEmail.objects.update(next_try_at=timezone.now())
    assert tasks.sweep_emails() == 1
    tasks.send_email(sent.pk)
    sent.refresh_from_db()
    assert (sent.status, len(mail.outbox)) == ("sent", 1)
    assert tasks.sweep_emails() == 0


def test_waits_grow(invoice: Invoice, clerk: User) -> None:
    sent = queue(invoice, clerk)
    waits = []
    for _ in range(12):
        assert sent.claim()
        sent.back_to_queue()
        assert sent.next_try_at
        waits.append(round((sent.next_try_at - timezone.now()).total_seconds()))
    assert waits == sorted(waits)
    assert waits[0] == 30
    assert waits[-1] == 3600


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPRecipientsRefused({TO: (550, b"no such user")}),
        smtplib.SMTPDataError(554, b"rejected"),
        ValueError("a header cannot hold this"),
    ],
)
def test_refused_for_good_says_so(
    invoice: Invoice, clerk: User, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    sent = queue(invoice, clerk)
    Refusing(monkeypatch, error)
    tasks.send_email(sent.pk)
    sent.refresh_from_db()
    assert sent.status == "failed"
    assert "rejected this address" in sent.error
    assert actions(invoice)[-1] == "email.failed"


def test_busy_server_is_asked_again_and_given_up_after_a_day(
    invoice: Invoice, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = queue(invoice, clerk)
    Refusing(monkeypatch, smtplib.SMTPServerDisconnected("gone"))
    tasks.send_email(sent.pk)
    sent.refresh_from_db()
    assert sent.status == "queued"
    InvoiceEmail.objects.update(queued_at=timezone.now() - dt.timedelta(hours=25))
    tasks.send_email(sent.pk)
    sent.refresh_from_db()
    assert sent.status == "failed"
    assert "could not be reached" in sent.error


def test_one_dropped_in_mid_air_is_taken_up(invoice: Invoice, clerk: User) -> None:
    sent = queue(invoice, clerk)
    assert sent.claim()
    assert tasks.sweep_emails() == 0  # somebody may still be at it
    InvoiceEmail.objects.update(next_try_at=timezone.now())
    assert tasks.sweep_emails() == 1
    tasks.send_email(sent.pk)
    assert len(mail.outbox) == 1


def test_names_cannot_smuggle_headers(invoice: Invoice, clerk: User) -> None:
    Tenant.objects.filter(pk=invoice.tenant_id).update(name="Harbor\nBcc: all@example.com")
    sent = queue(invoice, clerk)
    tasks.send_email(sent.pk)
    sent.refresh_from_db()
    assert all("all@example.com" not in message.recipients() for message in mail.outbox)


def test_the_database_holds_no_token(invoice: Invoice, clerk: User) -> None:
    sent = queue(invoice, clerk)
    tasks.send_email(sent.pk)
    token = sent.link.token
    stored = " ".join(str(entry.data) for entry in AuditEntry.objects.all())
    assert token not in stored


@pytest.mark.parametrize(
    ("brand", "ink"), [("#000000", "#ffffff"), ("#ffff00", "#000000"), ("#0b6470", "#ffffff")]
)
def test_button_is_readable_on_any_colour(brand: str, ink: str) -> None:
    assert ink_on(brand) == ink
