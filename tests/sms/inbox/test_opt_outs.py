"""Opt-outs work by number and outlive the contact; they end with START or new evidence only."""

import datetime as dt
import uuid

import pytest

from audit.models import AuditEntry
from customers.models import Contact
from sms.models import Consent, OptOut
from sms.models.consent import digests
from sms.models.opt_out import NoEvidence, opt_out, resume
from sms.outbox.queue import queue_answer
from sms.recipient import Recipient
from sms.tasks import deliver
from tests.factories import MOBILE, make_customer, make_invoice, make_ready_tenant, make_text

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 11, 20)


def stop(tenant, number=MOBILE, **more):
    return opt_out(tenant, number, **{"source": OptOut.Source.REPLY, "wording": "STOP", **more})


def actions(subject):
    return list(AuditEntry.objects.about(subject).values_list("action", flat=True))


def test_twice_is_once(tenant):
    assert stop(tenant) == stop(tenant)
    assert OptOut.objects.count() == 1
    assert actions(tenant.audit_subject).count("number.opted_out") == 1


def test_it_stands_in_the_history_of_the_customer_and_of_the_company(tenant):
    customer = make_customer(tenant)
    bystander = make_customer(tenant, "Frank Delgado", mobile="+19785550113")
    stop(tenant)
    assert "number.opted_out" in actions(customer.audit_subject)
    assert "number.opted_out" not in actions(bystander.audit_subject)
    entry = AuditEntry.objects.about(tenant.audit_subject).first()
    assert (entry.who, entry.data["to"], entry.data["said"]) == ("customer", "ending in 42", "STOP")


def test_no_number_can_be_read_from_the_table(tenant):
    row = stop(tenant)
    assert MOBILE[2:] not in str(OptOut.objects.values().get())
    assert row.ending == "ending in 42"


def test_texts_that_wait_are_cancelled_with_the_reason(tenant, text):
    waiting = text()
    other = text(to="+19785550143")
    stop(tenant)
    waiting.refresh_from_db()
    other.refresh_from_db()
    assert (waiting.status, other.status) == ("cancelled", "queued")
    assert "no more texts" in waiting.error
    assert waiting.next_try_at is None
    assert "text.cancelled" in actions(waiting.audit_subject)


def test_an_answer_to_help_is_not_cancelled(tenant):
    helped, _ = queue_answer(
        tenant,
        Recipient(MOBILE),
        body="Call us.",
        key=uuid.uuid4(),
        actor=None,
        kind="help",
    )
    stop(tenant)
    helped.refresh_from_db()
    assert helped.status == "queued"


def test_it_survives_the_contact_and_a_number_that_comes_back(tenant):
    customer = make_customer(tenant)
    stop(tenant)
    customer.contacts.all().delete()
    Contact.objects.create(tenant=tenant, customer=customer, name="Dana", mobile=MOBILE)
    again = make_customer(tenant, "Whitfield and Sons")
    assert OptOut.objects.of(tenant, MOBILE)
    assert OptOut.objects.among(tenant, ["+19785550143", MOBILE]).keys() == {MOBILE}
    assert again.billing_contact.mobile == MOBILE


def test_another_company_may_go_on(tenant):
    stop(tenant)
    assert OptOut.objects.of(make_ready_tenant("Mesa Verde Electric"), MOBILE) is None


def test_it_counts_under_an_older_key(tenant, settings):
    stop(tenant)
    settings.NUMBER_KEYS = ["a-newer-key-of-thirty-two-characters", *settings.NUMBER_KEYS]
    assert OptOut.objects.of(tenant, MOBILE)
    assert stop(tenant).pk == OptOut.objects.get().pk


def test_start_ends_it_and_is_consent(tenant):
    customer = make_customer(tenant)
    stop(tenant)
    assert resume(tenant, MOBILE, source=Consent.Source.START, wording="START")
    assert OptOut.objects.of(tenant, MOBILE) is None
    assert OptOut.objects.get().ended_wording == "START"
    assert Consent.objects.of(tenant, MOBILE).get().source == "start"
    found = actions(customer.audit_subject)
    assert found.index("number.resumed") < found.index("number.opted_out")


def test_start_without_stop_changes_nothing(tenant):
    assert not resume(tenant, MOBILE, source=Consent.Source.START, wording="START")
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    ("wording", "given_on"), [("", DAY), ("   ", DAY), ("They called and asked", None)]
)
def test_staff_need_words_and_a_day(tenant, clerk, wording, given_on):
    stop(tenant)
    with pytest.raises(NoEvidence):
        resume(tenant, MOBILE, source="written", wording=wording, given_on=given_on, actor=clerk)
    assert OptOut.objects.of(tenant, MOBILE)


def test_evidence_without_a_person_is_none(tenant):
    stop(tenant)
    with pytest.raises(NoEvidence):
        resume(tenant, MOBILE, source="written", wording="They called", given_on=DAY)


def test_staff_evidence_is_kept_with_its_day_and_author(tenant, clerk):
    stop(tenant)
    words = "Asked for texts again at the counter"
    assert resume(tenant, MOBILE, source="written", wording=words, given_on=DAY, actor=clerk)
    row = Consent.objects.of(tenant, MOBILE).get()
    assert (row.wording, row.given_on, row.recorded_by) == (words, DAY, clerk)
    assert OptOut.objects.get().ended_by == clerk


def test_opting_out_again_after_resuming_counts(tenant):
    stop(tenant)
    resume(tenant, MOBILE, source=Consent.Source.START, wording="START")
    stop(tenant, source=OptOut.Source.TWILIO, wording="")
    assert OptOut.objects.of(tenant, MOBILE).at_twilio
    assert OptOut.objects.count() == 2


def test_consent_is_noted_once_per_number(tenant, clerk):
    customer = make_customer(tenant)
    make_text(make_invoice(customer=customer), clerk)
    make_text(make_invoice(customer=customer), clerk)
    make_text(make_invoice(customer=customer), clerk, to="+19785550199")
    on_file = Consent.objects.of(tenant, MOBILE).get()
    typed = Consent.objects.of(tenant, "+19785550199").get()
    assert (on_file.source, typed.source) == ("record", "typed")
    assert "Dana Whitfield, mobile" in on_file.wording
    assert on_file.recorded_by == clerk


def test_a_stranger_who_texts_first_has_agreed_to_an_answer(tenant, clerk):
    queue_answer(tenant, Recipient(MOBILE), body="Hello", key=uuid.uuid4(), actor=clerk)
    assert Consent.objects.of(tenant, MOBILE).get().source == "texted"


def test_a_worker_does_not_send_to_who_opted_out_meanwhile(tenant, text, work, twilio):
    message = text()
    OptOut.objects.create(
        tenant=tenant,
        digest=digests(tenant, MOBILE)[0],
        hint="42",
        source="staff",
    )
    assert work(deliver, message).status == "failed"
    assert "no more texts" in message.error
    assert twilio.ledger()["messages"] == []
