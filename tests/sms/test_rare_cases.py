"""Cases of texts that seldom happen, each with what a person reads or Twilio gets."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from audit.transitions import IllegalTransition, transition
from invoices.models import PaymentLink
from sms import tasks
from sms.compliance import line_type
from sms.compliance.quiet_hours import US_ZONES, zones_of_number
from sms.compliance.send_check import check_answer
from sms.models import Consent, OptOut, TextMessage
from sms.outbox.queue import queue_reminder
from sms.recipient import Recipient
from tenants.access import Can
from tenants.models import Membership, Role
from tests.factories import make_invoice, make_member, make_tenant, make_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def text(tenant, clerk):
    return make_text(make_invoice(tenant), clerk)


@pytest.mark.parametrize("number", ["no number", "+18005550142", "+15005550142"])
def test_a_number_that_tells_no_place_may_be_anywhere_in_the_us(number):
    assert zones_of_number(number) == US_ZONES


def test_a_foreign_toll_free_number_may_be_anywhere_too():
    assert zones_of_number("+448001111111") == US_ZONES


def test_a_short_code_gets_no_answer(tenant):
    check = check_answer(tenant, Recipient("24273"))
    assert "short code, which cannot receive replies" in str(check)


def test_without_a_complete_twilio_account_no_number_is_looked_up(tenant, monkeypatch):
    monkeypatch.setattr(line_type, "is_due", lambda *_: True)
    tenant.twilio.delete()
    assert line_type.look_up(tenant, "+19785550142") is False


def test_a_reminder_waits_for_a_text_in_flight_and_for_a_live_link(text):
    invoice = text.invoice
    recipient = Recipient.of(invoice.customer, text.to)
    key = uuid.uuid4()
    arguments = {"template": "{amount} {link}", "key": key}
    assert queue_reminder(invoice, recipient, **arguments) is None
    TextMessage.objects.update(status="delivered")
    PaymentLink.objects.update(expires_at=timezone.now() - dt.timedelta(days=1))
    assert queue_reminder(invoice, recipient, **arguments) is None


def test_a_text_without_sid_is_not_looked_up(text):
    assert tasks.catch_up(text.pk) is None
    assert TextMessage.objects.get().status == "queued"
    assert tasks._load(0) is None


def test_an_opt_out_that_was_ended_is_not_ended_again(tenant, clerk):
    out = OptOut.objects.create(tenant=tenant, digest="e" * 64, hint="42", source="staff")
    words = {"wording": "Asked for texts", "given_on": dt.date(2026, 11, 20)}
    assert out.resume(source=Consent.Source.WRITTEN, actor=clerk, **words)
    assert out.resume(source=Consent.Source.WRITTEN, actor=clerk, **words) is False
    assert Consent.objects.count() == 1


def test_a_status_that_the_table_does_not_allow_is_refused(text):
    with pytest.raises(IllegalTransition):
        transition(text, TextMessage.Status.DELIVERED)
    assert TextMessage.objects.get().status == "queued"


def test_a_role_of_another_company_is_refused(tenant):
    member = make_member(tenant, "Viewer").memberships.get()
    member.role = make_member(make_tenant(), "Viewer").memberships.get().role
    with pytest.raises(ValidationError, match="another company"):
        member.full_clean()
    assert Membership.objects.get(pk=member.pk).role != member.role
    assert Role.objects.filter(tenant=tenant).exists()


def test_a_permission_that_does_not_exist_is_a_mistake_in_the_template():
    with pytest.raises(AttributeError):
        Can(None).fly  # noqa: B018
