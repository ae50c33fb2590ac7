"""Many invoices at once: each texted once, whatever stops in between."""

import csv
import datetime as dt
import io
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from audit import clock
from audit.models import AuditEntry
from invoices.models import PaymentLink
from payments.models import payment_state
from sms import tasks
from sms.bulk.work import queue_portion
from sms.models import BulkSend, BulkText, TextMessage
from sms.outbox.queue import queue_reminder
from sms.recipient import Recipient
from sms.twilio.client import TwilioError
from tests.conftest import signed_in
from tests.factories import make_customer, make_invoice, make_text
from tests.payments.checkout.test_pages import words_of
from tests.race import run_together
from tests.sms.conftest import bodies

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="row locks need PostgreSQL"
)
pytestmark = pytest.mark.django_db


@pytest.fixture
def invoices(tenant):
    """`invoices(3)` are open invoices of as many customers, each with a number of its own."""

    def make(count):
        return [
            make_invoice(customer=make_customer(tenant, f"C {n}", mobile=f"+1978555{n:04}"))
            for n in range(200, 200 + count)
        ]

    return make


@pytest.fixture
def start(tenant, clerk):
    def begin(found):
        bulk, _ = BulkSend.objects.start(tenant, found, actor=clerk, key=uuid.uuid4())
        return bulk

    return begin


def work_off(bulk):
    """What the workers do until nothing is left."""
    with scope():
        tasks.run_bulk(bulk.pk)
        with scopes_disabled():
            due = list(TextMessage.objects.due(timezone.now()).filter(status="queued"))
        for text in due:
            tasks.deliver(text.pk)
        tasks.run_bulk(bulk.pk)
    bulk.refresh_from_db()


def test_each_invoice_gets_one_text(invoices, start, twilio):
    bulk = start(invoices(3))
    work_off(bulk)
    work_off(bulk)
    assert bulk.status == "done"
    assert bulk.counts() == {"sent": 3}
    assert len(bodies(twilio)) == len(set(bodies(twilio))) == 3
    entries = AuditEntry.objects.about(bulk.audit_subject)
    assert {"bulk.started", "bulk.done"} <= {entry.action for entry in entries}


def test_a_worker_that_dies_between_two_portions_loses_and_doubles_nothing(invoices, start, twilio):
    bulk = start(invoices(5))
    queue_portion(bulk, 2)  # and is killed before any of the two reaches the broker
    work_off(bulk)
    assert bulk.counts() == {"sent": 5}
    assert len(set(bodies(twilio))) == 5


def test_each_text_is_in_one_handful(invoices, start, twilio, monkeypatch):
    handfuls = []
    monkeypatch.setattr(tasks, "enqueue", lambda task, pks: handfuls.append((task, pks)))
    bulk = start(invoices(12))
    with scope():
        tasks.run_bulk(bulk.pk)
        for task, pks in handfuls:
            task(pks)
    assert [len(pks) for _, pks in handfuls] == [5, 5, 2]
    assert bulk.counts() == {"sent": 12}
    assert len(set(bodies(twilio))) == len(bodies(twilio)) == 12


@pytest.mark.django_db(transaction=True)
@on_postgresql
def test_many_workers_take_each_row_once(invoices, start):
    bulk = start(invoices(12))
    taken = run_together(*(lambda: queue_portion(bulk, 3) for _ in range(8)))
    texts = [text.pk for portion in taken for text in portion]
    assert len(texts) == len(set(texts)) == TextMessage.objects.count() == 12


def test_a_pause_holds_what_is_queued_and_goes_on_later(invoices, start, twilio, clerk):
    bulk = start(invoices(4))
    queue_portion(bulk, 2)
    assert bulk.pause(actor=clerk)
    work_off(bulk)
    assert bodies(twilio) == []
    assert bulk.counts() == {"queued": 2, "waiting": 2}
    assert bulk.go_on(actor=clerk)
    work_off(bulk)
    assert bulk.counts() == {"sent": 4}


def test_stopping_takes_back_what_was_not_handed_over(invoices, start, twilio, clerk):
    bulk = start(invoices(4))
    queue_portion(bulk, 2)
    assert bulk.stop(actor=clerk)
    work_off(bulk)
    assert bodies(twilio) == []
    assert bulk.counts() == {"cancelled": 4}
    assert not bulk.stop(actor=clerk)


@pytest.fixture
def busy(monkeypatch):
    """`busy(press)`: while a text is being handed over somebody presses; Twilio takes nothing."""

    def make(press):
        def send(message):
            press()
            raise TwilioError("Too many at once.", code=20429)

        monkeypatch.setattr("sms.twilio.client.send", send)

    return make


def test_a_text_that_twilio_gave_back_is_held_while_paused(
    invoices, start, twilio, clerk, busy, monkeypatch
):
    bulk = start(invoices(1))
    busy(lambda: bulk.pause(actor=clerk))
    work_off(bulk)
    assert bulk.counts() == {"queued": 1}
    assert TextMessage.objects.get().next_try_at is None
    monkeypatch.undo()
    assert bulk.go_on(actor=clerk)
    work_off(bulk)
    assert bulk.counts() == {"sent": 1}
    assert len(bodies(twilio)) == 1


def test_a_text_that_twilio_gave_back_goes_nowhere_once_stopped(
    invoices, start, twilio, clerk, busy
):
    bulk = start(invoices(1))
    busy(lambda: bulk.stop(actor=clerk))
    work_off(bulk)
    assert bulk.counts() == {"cancelled": 1}
    assert bodies(twilio) == []


def test_a_portion_that_comes_after_the_pause_begins_nothing(invoices, start, clerk):
    bulk = start(invoices(4))
    BulkSend.objects.get(pk=bulk.pk).pause(actor=clerk)
    assert queue_portion(bulk, 2) == []
    assert bulk.counts() == {"waiting": 4}


def test_a_turn_at_the_sender_does_not_end_a_pause(invoices, start, clerk):
    bulk = start(invoices(1))
    (text,) = queue_portion(bulk)
    bulk.pause(actor=clerk)
    text.wait_for_rate(timezone.now())
    text.wait_for_hours(timezone.now())
    assert TextMessage.objects.get().next_try_at is None


@pytest.mark.django_db(transaction=True)
@on_postgresql
def test_a_pause_holds_whatever_portions_are_taken_at_that_moment(invoices, start, clerk):
    bulk = start(invoices(12))
    portions = [lambda: queue_portion(BulkSend.objects.get(pk=bulk.pk), 2) for _ in range(6)]
    run_together(*portions[:3], lambda: bulk.pause(actor=clerk), *portions[3:])
    assert not TextMessage.objects.due(timezone.now()).exists()


def test_an_invoice_paid_meanwhile_is_left_out_with_the_reason(invoices, start, twilio, clerk):
    first, second = invoices(2)
    bulk = start([first, second])
    first.void(actor=clerk, reason="Billed twice", read_payments=payment_state)
    work_off(bulk)
    assert bulk.counts() == {"sent": 1, "left_out": 1}
    row = bulk.rows.get(outcome="left_out")
    assert (row.invoice, bool(row.why)) == (first, True)


def test_somebody_else_texts_one_of_them_at_the_same_moment(invoices, start, twilio, clerk):
    (invoice,) = invoices(1)
    bulk = start([invoice])
    make_text(invoice, clerk)
    work_off(bulk)
    assert TextMessage.objects.count() == len(bodies(twilio)) == 1


def test_a_reminder_that_is_on_its_way_leaves_its_invoice_out(invoices, start, twilio):
    first, second = invoices(2)
    PaymentLink.objects.issue(first, actor=None)
    queue_reminder(first, Recipient("+19785550200"), template="{link}", key=uuid.uuid4())
    bulk = start([first, second])
    assert [text.invoice_id for text in queue_portion(bulk)] == [second.pk]
    assert bulk.rows.get(invoice=first).why == "A text about it is already on its way."


@pytest.mark.django_db(transaction=True)
@on_postgresql
def test_two_bulk_sends_of_the_same_invoices_text_each_once(invoices, start):
    chosen = invoices(12)
    one, other = start(chosen), start(chosen[::-1])
    run_together(*(lambda bulk=bulk: queue_portion(bulk, 5) for bulk in (one, other) * 4))
    assert TextMessage.objects.count() == 12
    assert set(TextMessage.objects.values_list("invoice", flat=True)) == {i.pk for i in chosen}
    counts = [bulk.counts() for bulk in (one, other)]
    assert sum(count.get("queued", 0) for count in counts) == 12
    assert sum(count.get("left_out", 0) for count in counts) == 12


def test_texting_many_again_replaces_each_link(invoices, start, twilio, clerk):
    chosen = invoices(3)
    work_off(start(chosen))
    longer_ago = timezone.now() - dt.timedelta(days=2)
    TextMessage.objects.update(queued_at=longer_ago, sent_at=longer_ago)
    again = start(chosen)
    work_off(again)
    assert again.counts() == {"sent": 3}
    for invoice in chosen:
        assert [link.status for link in invoice.links.all()] == ["live", "superseded"]
        actions = [e.action for e in AuditEntry.objects.about(f"invoice:{invoice.pk}")]
        assert actions.count("link.issued") == 2
        assert actions.count("link.superseded") == 1
        assert actions.count("text.queued") == 2


def test_a_portion_costs_the_same_statements_whatever_its_size(invoices, start):
    spent = {}
    for count in (2, 20):
        bulk = start(invoices(count))
        with CaptureQueriesContext(connection) as queries:
            assert len(queue_portion(bulk)) == count
        spent[count] = len(queries)
        TextMessage.objects.update(status="cancelled")
    assert spent[20] == spent[2] <= 40


def test_from_the_list_to_the_result(invoices, tenant, clerk, twilio):
    chosen = invoices(3)
    office = signed_in(clerk)
    listed = words_of(office.get("/invoices/?status=open"))
    assert "Text all 3 that match" in listed
    ticked = [("invoice", str(chosen[0].public_id)), ("invoice", str(chosen[1].public_id))]
    page = office.get("/invoices/text-many/", ticked)
    assert "Text 2 invoices" in words_of(page)
    form = {
        "invoice": [value for _, value in ticked],
        "key": page.context["key"],
        "seen": page.context["seen"],
    }
    answers = [office.post("/invoices/text-many/", form) for _ in range(2)]
    bulk = BulkSend.objects.get()
    assert [a.headers["Location"] for a in answers] == [
        f"/{bulk.tenant.slug}/bulk-sends/{bulk.public_id}/"
    ] * 2
    assert bulk.rows.count() == 2
    work_off(bulk)
    shown = words_of(office.get(f"/bulk-sends/{bulk.public_id}/"))
    assert "2 of 2 done" in shown
    assert "2 sent" in shown
    sheet = b"".join(office.get(f"/bulk-sends/{bulk.public_id}/results.csv"))  # type: ignore
    rows = list(csv.DictReader(io.StringIO(sheet.decode())))
    assert {row["Result"] for row in rows} == {"Sent"}
    assert {row["Invoice"] for row in rows} == {one.number for one in chosen[:2]}


def test_a_text_that_twilio_did_not_answer_for_is_explained(invoices, start, clerk):
    bulk = start(invoices(2))
    for text in queue_portion(bulk):
        assert text.claim()
    address, sentence = (
        f"/bulk-sends/{bulk.public_id}/",
        "Twilio did not say whether it took 1 text.",
    )
    assert sentence not in words_of(signed_in(clerk).get(address))
    lost = TextMessage.objects.filter(pk=TextMessage.objects.first().pk)
    lost.update(claimed_at=timezone.now() - dt.timedelta(seconds=31))
    shown = words_of(signed_in(clerk).get(address))
    assert "2 being sent" in shown
    assert sentence in shown


def test_nobody_texts_others_than_the_page_showed(invoices, clerk):
    office = signed_in(clerk)
    invoices(2)
    page = office.get("/invoices/text-many/?all=1&status=open")
    invoices(1)
    form = {"all": "1", "status": "open", "key": uuid.uuid4(), "seen": page.context["seen"]}
    answer = office.post("/invoices/text-many/", form)
    assert answer.status_code == 409
    assert "The list changed while you were here" in words_of(answer)
    assert not BulkSend.objects.exists()


def test_all_overdue_invoices_are_those_that_the_calendar_of_practice_mode_calls_overdue(
    invoices, clerk, settings
):
    settings.PRACTICE_MODE = True
    [invoice] = invoices(1)
    office, address = signed_in(clerk), "/invoices/text-many/?all=1&status=overdue"
    assert office.get(address).context["found"] == []
    clock.move(timezone.now() + dt.timedelta(days=40))
    assert [one.invoice for one in office.get(address).context["found"]] == [invoice]


def test_a_customer_without_a_mobile_is_left_out(tenant, clerk):
    make_invoice(customer=make_customer(tenant, mobile=""))
    shown = words_of(signed_in(clerk).get("/invoices/text-many/?all=1"))
    assert "Nothing can be texted" in shown
    assert "The billing contact has no mobile number" in shown


@pytest.mark.parametrize("before", ["", " ", "\t", "\r", "\u3000 "])
@pytest.mark.parametrize(
    "sign", ["=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_a_cell_is_never_a_formula(tenant, clerk, before, sign):
    name = f'{before}{sign}HYPERLINK("x")'
    invoice = make_invoice(customer=make_customer(tenant, name, mobile=""))
    bulk, _ = BulkSend.objects.start(tenant, [invoice], actor=clerk, key=uuid.uuid4())
    sheet = b"".join(signed_in(clerk).get(f"/bulk-sends/{bulk.public_id}/results.csv"))  # type: ignore
    [row] = csv.DictReader(io.StringIO(sheet.decode(), newline=""))
    assert row["Customer"] == f"'{name}"
    assert BulkText.objects.get().state == "waiting"
