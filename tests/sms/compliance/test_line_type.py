"""Twilio Lookup, over HTTP to the sandbox: asked once, paid once; its failures forbid nothing."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone
from freezegun import freeze_time

from payments.models import payment_state
from sms.compliance import line_type as line_types
from sms.compliance.send_check import check
from sms.error_codes import NUMBER
from sms.models import NumberLookup, TextMessage, TextRules
from sms.outbox.queue import queue_answer
from sms.recipient import Recipient
from sms.tasks import deliver
from sms.twilio import client as ask_twilio
from tests.addresses import reverse
from tests.factories import MOBILE, make_customer, make_invoice
from tests.sms.conftest import bodies, control
from tests.workers import free_port

pytestmark = pytest.mark.django_db
LANDLINE = control("40")
NINE = dt.datetime(2026, 11, 25, 2, 0, tzinfo=dt.UTC)  # in the evening in New York


@pytest.fixture
def lookups(twilio, settings, tenant):
    """The sandbox's Lookup, turned on for the company."""
    settings.LOOKUPS_URL = settings.TWILIO_URL
    TextRules.objects.create(tenant=tenant, looks_up_numbers=True)
    return lambda: [e for e in twilio.ledger()["events"] if e["kind"] == "lookup"]


def reds(tenant, number):
    invoice = make_invoice(customer=make_customer(tenant, mobile=number))
    return [
        f.code
        for f in check(invoice, Recipient.of(invoice.customer, number)).findings
        if f.level == "red"
    ]


def test_a_landline_is_caught_before_it_is_texted(tenant, lookups):
    line_types.look_up(tenant, LANDLINE)
    row = NumberLookup.objects.get()
    assert (row.number, row.line_type, row.carrier) == (LANDLINE, "landline", "Sandbox Telephone")
    assert reds(tenant, LANDLINE) == ["cannot_text"]
    [call] = lookups()
    assert (call["subject"], call["data"]["price"]) == (LANDLINE, "0.008")


@pytest.mark.parametrize(
    ("ending", "line_type", "red"),
    [
        ("00", "mobile", []),
        ("41", "fixedVoip", []),
        ("42", "nonFixedVoip", []),
        ("43", "tollFree", ["cannot_text"]),
        ("44", "pager", ["cannot_text"]),
        ("45", "", []),
    ],
)
def test_the_kinds_of_lines(tenant, lookups, ending, line_type, red):
    line_types.look_up(tenant, control(ending))
    assert NumberLookup.objects.get().line_type == line_type
    assert reds(tenant, control(ending)) == red


def test_asked_once_in_thirty_days(tenant, lookups):
    for _ in range(3):
        line_types.look_up(tenant, MOBILE)
    assert len(lookups()) == 1
    NumberLookup.objects.update(looked_up_at=timezone.now() - dt.timedelta(days=31))
    assert reds(tenant, MOBILE) == []
    line_types.look_up(tenant, MOBILE)
    assert len(lookups()) == 2


def test_an_old_answer_is_no_answer(tenant, lookups):
    NumberLookup.objects.create(
        tenant=tenant,
        number=MOBILE,
        line_type="landline",
        looked_up_at=timezone.now() - dt.timedelta(days=31),
    )
    assert reds(tenant, MOBILE) == []


def test_not_asked_where_the_company_did_not_turn_it_on(tenant, lookups):
    TextRules.objects.update(looks_up_numbers=False)
    line_types.look_up(tenant, LANDLINE)
    assert lookups() == []
    assert not NumberLookup.objects.exists()


@pytest.mark.parametrize("ending", ["46", "48", "49"])
def test_what_fails_is_unknown_and_not_asked_again_at_once(tenant, lookups, ending):
    for _ in range(2):
        line_types.look_up(tenant, control(ending))
    assert len(lookups()) == 1
    assert reds(tenant, control(ending)) == []
    NumberLookup.objects.update(looked_up_at=timezone.now() - dt.timedelta(minutes=11))
    assert line_types.is_due(tenant, control(ending))


@pytest.mark.parametrize("fault", ["http_429", "refuse", "empty", "truncated", "wrong_types"])
def test_every_fault_is_unknown(tenant, lookups, twilio, fault):
    twilio.control("faults", target="lookup", fault=fault, times=2)
    line_types.look_up(tenant, MOBILE)
    assert reds(tenant, MOBILE) == []


def test_nobody_listens(tenant, lookups, settings):
    settings.LOOKUPS_URL = f"http://127.0.0.1:{free_port()}"
    line_types.look_up(tenant, MOBILE)
    assert NumberLookup.objects.get().line_type == ""


def test_a_canadian_number_that_needs_an_approval_is_unknown(tenant, lookups):
    line_types.look_up(tenant, "+14165550123")
    assert NumberLookup.objects.get().line_type == ""


def test_the_pop_up_opens_first_and_asks_then(clerk, browser_of, tenant, lookups):
    invoice = make_invoice(customer=make_customer(tenant, mobile=LANDLINE))
    maya = browser_of(clerk)
    page = maya.get(reverse("sms:send", args=[invoice.public_id])).content.decode()
    assert "Checking with Twilio" in page
    assert 'hx-trigger="load"' in page
    assert lookups() == []
    where = reverse("sms:check", args=[invoice.public_id])
    choice = f"{invoice.customer.billing_contact.public_id}-mobile"
    data = {"to": choice, "country": "US", "key": uuid.uuid4(), "ask": "1"}
    answer = maya.post(where, data, headers={"HX-Request": "true"}).content.decode()
    assert "This is a landline number" in answer
    assert "Checking with Twilio" not in answer
    assert len(lookups()) == 1


def test_without_script_it_is_asked_when_sending(clerk, browser_of, tenant, lookups):
    invoice = make_invoice(customer=make_customer(tenant, mobile=LANDLINE))
    choice = f"{invoice.customer.billing_contact.public_id}-mobile"
    answer = browser_of(clerk).post(
        reverse("sms:send", args=[invoice.public_id]), {"to": choice, "key": uuid.uuid4()}
    )
    assert answer.status_code == 409
    assert "This is a landline number" in answer.content.decode()
    assert not TextMessage.objects.exists()


def test_what_no_pop_up_checked_is_caught_by_the_worker(tenant, lookups, text, work, twilio):
    message = work(deliver, text(to=LANDLINE))
    assert message.status == "failed"
    assert message.error.startswith("This is a landline number")
    assert bodies(twilio) == []
    assert work(deliver, text(to=MOBILE)).status == "sent"
    assert len(lookups()) == 2


def test_a_landline_that_the_worker_caught_offers_the_next_step(lookups, text, work):
    assert work(deliver, text(to=LANDLINE)).trouble == NUMBER


@pytest.mark.parametrize("kind", ["answer", "help"])
def test_whoever_texts_from_a_landline_is_answered(tenant, lookups, work, twilio, kind):
    message, _ = queue_answer(
        tenant,
        Recipient(LANDLINE),
        body="We call you back.",
        key=uuid.uuid4(),
        actor=None,
        kind=kind,
    )
    assert work(deliver, message).status == "sent"
    assert lookups() == []


def test_what_happens_while_twilio_is_asked_is_seen(
    lookups, text, work, twilio, clerk, monkeypatch
):
    message = text()
    line_type = ask_twilio.line_type

    def slow(*args):
        message.invoice.void(actor=clerk, reason="Billed twice", read_payments=payment_state)
        return line_type(*args)

    monkeypatch.setattr(ask_twilio, "line_type", slow)
    assert "no longer open" in work(deliver, message).error
    assert bodies(twilio) == []


def test_the_hour_may_strike_while_twilio_is_asked(
    tenant, lookups, text, work, twilio, monkeypatch
):
    TextRules.objects.update(quiet_hours=True)
    line_type = ask_twilio.line_type
    with freeze_time(NINE - dt.timedelta(seconds=2)) as wall:
        message = text()

        def slow(*args):
            wall.move_to(NINE)
            return line_type(*args)

        monkeypatch.setattr(ask_twilio, "line_type", slow)
        work(deliver, message)
    assert (message.status, message.not_before) == ("queued", NINE + dt.timedelta(hours=11))
    assert bodies(twilio) == []


def test_the_worker_sends_where_lookup_fails(tenant, lookups, text, work, twilio):
    twilio.control("faults", target="lookup", fault="refuse", times=1)
    assert work(deliver, text(to=MOBILE)).status == "sent"
