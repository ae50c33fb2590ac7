"""Twilio credentials that cannot be opened: every text ends, and Twilio is asked to come back."""

import datetime as dt

import pytest
from cryptography.fernet import Fernet
from django.core import mail
from django.utils import timezone

from audit.models import AuditEntry
from sms import tasks
from sms.compliance import line_type
from sms.models import InboundText, NumberLookup, TextMessage, TextRules
from sms.tasks import catch_up, deliver, reconcile
from sms.twilio.client import LOST
from tests.addresses import reverse
from tests.factories import MOBILE, make_text
from tests.sms.conftest import bodies
from tests.sms.inbox import test_inbound
from tests.sms.twilio import test_webhooks

pytestmark = pytest.mark.django_db


@pytest.fixture
def lose_key(settings):
    """`lose_key()` takes the key of what is stored out of FIELD_KEYS."""

    def lose():
        settings.FIELD_KEYS = [Fernet.generate_key().decode()]

    return lose


def alarms():
    return AuditEntry.objects.filter(action="tenant.credentials_lost")


def test_a_text_fails_and_its_invoice_can_be_texted_again(twilio, text, work, clerk, lose_key):
    message = text()
    lose_key()
    work(deliver, message)
    assert (message.status, message.error) == ("failed", LOST)
    assert bodies(twilio) == []
    again = make_text(message.invoice, clerk, seen=str(message.public_id))
    assert again.pk != message.pk


def test_a_text_that_was_on_its_way_leaves_sending_after_an_hour(text, work, clerk, lose_key):
    message = text()
    message.claim()
    lose_key()
    work(reconcile, message)
    assert message.status == "sending"
    TextMessage.objects.filter(pk=message.pk).update(
        claimed_at=timezone.now() - dt.timedelta(minutes=61)
    )
    work(reconcile, message)
    assert (message.status, message.error) == ("undelivered", tasks.UNSURE)
    assert make_text(message.invoice, clerk, seen=str(message.public_id), confirmed=True)


def test_a_text_that_twilio_took_is_asked_about_later(text, work, lose_key):
    message = text()
    message.claim()
    message.mark_sent(test_webhooks.SID)
    lose_key()
    work(catch_up, message)
    assert (message.status, message.sid) == ("sent", test_webhooks.SID)
    assert message.next_try_at is not None


def test_an_unknown_line_forbids_no_text(tenant, lose_key):
    TextRules.objects.update_or_create(tenant=tenant, defaults={"looks_up_numbers": True})
    lose_key()
    assert line_type.look_up(tenant, MOBILE)
    assert NumberLookup.objects.get(tenant=tenant).line_type == ""


@pytest.mark.parametrize("key", ["auth_token", "webhook_key"])
def test_a_delivery_report_is_to_be_repeated(payer, text, lose_key, key):
    message = text()
    message.claim()
    account = message.tenant.twilio
    account.set_webhook_key("shared-key")
    account.save()
    named = test_webhooks.NAMED if key == "webhook_key" else {}
    values = test_webhooks.fields(message)
    signature = (
        test_webhooks.by_key(message) if named else test_webhooks.sign(message.callback_url, values)
    )
    lose_key()
    answer = test_webhooks.report(payer, message, values, signature=signature, **named)
    assert answer.status_code == 503
    message.refresh_from_db()
    assert message.status == "sending"
    assert alarms().count() == 1


def test_a_request_without_signature_is_refused_without_an_alarm(payer, text, lose_key):
    message = text()
    lose_key()
    path = reverse("sms:delivery_status", args=[message.public_id])
    assert payer.post(path, {"MessageStatus": "delivered"}).status_code == 403
    assert not alarms().exists()


def test_a_reply_is_to_be_repeated(payer, tenant, lose_key, settings):
    settings.PUBLIC_BASE_URL = "https://pay.textpay.example"
    values = test_inbound.fields(tenant, "STOP")
    lose_key()
    assert test_inbound.text_us(payer, values).status_code == 503
    assert not InboundText.objects.exists()


def test_support_is_told_once_a_day(
    text, work, clerk, tenant, lose_key, django_capture_on_commit_callbacks, settings, caplog
):
    settings.SUPPORT_EMAIL = "support@textpay.example"
    settings.CELERY_TASK_ALWAYS_EAGER = True
    messages = [text(), text()]
    lose_key()
    with django_capture_on_commit_callbacks(execute=True):
        for message in messages:
            work(deliver, message)
    (entry,) = alarms()
    assert (entry.subject, entry.data) == (tenant.audit_subject, {"provider": "Twilio"})
    assert caplog.text.count("cannot be decrypted with FIELD_KEYS") == 1
    (letter,) = mail.outbox
    assert letter.to == ["support@textpay.example"]
    assert letter.subject == f"{tenant.name}: the Twilio credentials cannot be decrypted"
    assert f"/admin/tenants/tenant/{tenant.pk}/change/" in letter.body
