"""STOP against a send, on a real PostgreSQL: after the opt-out is committed nothing goes out."""

import threading

import pytest
from django.db import connection, connections

from sms.models import OptOut, TextMessage
from sms.models import opt_out as opt_outs
from sms.models.opt_out import opt_out
from sms.tasks import deliver
from sms.twilio import client
from sms.twilio.client import Accepted
from tests.factories import MOBILE, make_customer, make_invoice, make_text
from tests.race import apart, run_together, wait_until_locked_out

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="locks need PostgreSQL"),
]
PATIENT = 30  # seconds until a thread that hangs is a failure


def stop(tenant):
    return opt_out(tenant, MOBILE, source=OptOut.Source.REPLY, wording="STOP")


def test_an_opt_out_waits_for_the_text_that_is_being_handed_over(tenant, clerk, monkeypatch):
    """The worker has looked and is calling Twilio: STOP is booked after that, never in between."""
    message = make_text(make_invoice(customer=make_customer(tenant)), clerk)
    calling, go_on, order = threading.Event(), threading.Event(), []

    def send(text):
        calling.set()
        assert go_on.wait(PATIENT)
        order.append("handed over")
        return Accepted("SM" + "a" * 32, "queued", 1, "", None, None, "")

    monkeypatch.setattr(client, "send", send)
    worker = apart(lambda: deliver(message.pk))
    assert calling.wait(PATIENT)
    stopping = apart(lambda: (stop(tenant), order.append("opted out")))
    wait_until_locked_out(stopping)
    assert OptOut.objects.of(tenant, MOBILE) is None
    go_on.set()
    worker.result(PATIENT)
    stopping.result(PATIENT)
    assert order == ["handed over", "opted out"]
    message.refresh_from_db()
    assert message.status == "sent"


def test_a_worker_that_comes_while_stop_is_being_booked_sends_nothing(tenant, clerk, monkeypatch):
    message = make_text(make_invoice(customer=make_customer(tenant)), clerk)
    message.claim()  # it has left the queue, so the opt-out cannot cancel it
    TextMessage.objects.filter(pk=message.pk).update(status="queued", next_try_at=message.queued_at)
    handed = []
    monkeypatch.setattr(client, "send", lambda text: handed.append(text.to))
    held, go_on = threading.Event(), threading.Event()
    wait = opt_outs._wait_for_workers

    def slowly(*args):
        wait(*args)
        held.set()
        assert go_on.wait(PATIENT)

    monkeypatch.setattr(opt_outs, "_wait_for_workers", slowly)
    stopping = apart(lambda: stop(tenant))
    assert held.wait(PATIENT)
    worker = apart(lambda: deliver(message.pk))
    wait_until_locked_out(worker)
    go_on.set()
    stopping.result(PATIENT)
    worker.result(PATIENT)
    message.refresh_from_db()
    assert handed == []
    assert message.status == "failed"
    assert "no more texts" in message.error


def test_many_stops_against_many_workers(tenant, clerk, monkeypatch):
    """Whatever the order, what was handed over was handed over before the opt-out stood."""
    customer = make_customer(tenant)
    messages = [make_text(make_invoice(customer=customer), clerk) for _ in range(10)]
    late = []

    def send(text):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM sms_optout WHERE ended_at IS NULL")
            late.extend([text.pk] * cursor.fetchone()[0])
        return Accepted(f"SM{text.pk:032x}", "queued", 1, "", None, None, "")

    monkeypatch.setattr(client, "send", send)
    stops = [lambda: stop(tenant)] * 3
    results = run_together(*(lambda m=m: deliver(m.pk) for m in messages), *stops)
    assert not [result for result in results if isinstance(result, Exception)]
    assert late == []
    assert OptOut.objects.count() == 1
    for message in messages:
        message.refresh_from_db()
        assert message.status in ("sent", "failed", "cancelled")


def test_a_worker_that_dies_in_the_middle_does_not_keep_the_lock(tenant):
    def die():
        with opt_outs.handing_over(tenant, MOBILE):
            connections.close_all()
            raise SystemExit

    with pytest.raises(SystemExit):
        apart(die).result(PATIENT)
    assert apart(lambda: stop(tenant)).result(PATIENT)


def test_stop_does_not_wait_for_ever(tenant, monkeypatch, caplog):
    monkeypatch.setattr(opt_outs, "PATIENCE", "100ms")
    held, go_on = threading.Event(), threading.Event()

    def call_twilio_for_long():
        with opt_outs.handing_over(tenant, MOBILE):
            held.set()
            assert go_on.wait(PATIENT)

    worker = apart(call_twilio_for_long)
    assert held.wait(PATIENT)
    assert apart(lambda: stop(tenant)).result(PATIENT).pk
    assert "stopped waiting" in caplog.text
    go_on.set()
    worker.result(PATIENT)
