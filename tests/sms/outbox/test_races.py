"""Many clicks and many tasks, on a real PostgreSQL."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery.fixups.django import DjangoWorkerFixup
from celery.signals import task_postrun, task_prerun
from django.db import connection
from django.utils import timezone
from django_scopes import scopes_disabled

from audit.models import AuditEntry
from invoices.models import PaymentLink
from sms.models import TextMessage
from sms.outbox.queue import queue_text
from sms.recipient import Recipient
from sms.tasks import deliver, steps_due
from tests.factories import MOBILE, make_customer, make_invoice, make_text
from tests.race import run_together
from tests.sms.conftest import bodies

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="row locks need PostgreSQL"),
]


@pytest.fixture
def invoice(tenant):
    return make_invoice(customer=make_customer(tenant))


def test_twenty_sends_at_once_make_one_text_one_link_one_entry(invoice, clerk):
    def send(key):
        return queue_text(invoice, Recipient(MOBILE), actor=clerk, key=key)

    keys = [uuid.uuid4() for _ in range(10)] * 2
    results = run_together(*(lambda key=key: send(key) for key in keys))
    assert [new for _, new in results].count(True) == 1
    assert TextMessage.objects.count() == 1
    assert PaymentLink.objects.count() == 1
    queued = AuditEntry.objects.about(invoice.audit_subject).filter(action="text.queued")
    assert queued.count() == 1


def test_twenty_workers_send_one_text(invoice, clerk, twilio):
    message = make_text(invoice, clerk)
    run_together(*(lambda: deliver(message.pk) for _ in range(20)))
    message.refresh_from_db()
    assert (message.status, message.attempts) == ("sent", 1)
    assert len(bodies(twilio)) == 1


def test_twenty_clicks_in_the_browser(invoice, clerk, browser_of):
    browsers = [browser_of(clerk) for _ in range(20)]
    data = {"to": "other", "country": "US", "number": MOBILE[2:], "key": str(uuid.uuid4())}

    def click(browser):
        with scopes_disabled():
            return browser.post(f"/invoices/{invoice.public_id}/text/", data).status_code

    codes = run_together(*(lambda browser=browser: click(browser) for browser in browsers))
    assert codes == [302] * 20
    assert TextMessage.objects.count() == 1


def test_reports_from_every_side_at_once_end_in_one_end(invoice, clerk):
    message = make_text(invoice, clerk)
    message.claim()
    sid = "SM" + "a" * 32

    def report(status):
        return TextMessage.objects.get(pk=message.pk).report(status, sid, None)

    words = ["queued", "sending", "sent", "delivered"] * 3
    results = run_together(*(lambda word=word: report(word) for word in words))
    assert not [result for result in results if isinstance(result, Exception)]
    message.refresh_from_db()
    assert message.status == "delivered"
    actions = list(AuditEntry.objects.about(message.audit_subject).values_list("action", flat=True))
    assert actions.count("text.sent") == actions.count("text.delivered") == 1


def test_sending_while_the_link_is_expired_by_hand(invoice, clerk, twilio):
    message = make_text(invoice, clerk)
    run_together(lambda: deliver(message.pk), lambda: message.link.expire(actor=clerk))
    message.refresh_from_db()
    assert message.status in ("sent", "failed")
    assert len(bodies(twilio)) == (1 if message.status == "sent" else 0)


def test_a_dead_broker_keeps_the_text_for_the_sweep(
    invoice, clerk, browser_of, monkeypatch, caplog
):
    app = deliver.app
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.conf, "broker_write_url", "redis://127.0.0.1:1")
    data = {"to": "other", "country": "US", "number": MOBILE[2:], "key": str(uuid.uuid4())}
    answer = browser_of(clerk).post(f"/invoices/{invoice.public_id}/text/", data)
    assert answer.status_code == 302
    assert "Broker unreachable" in caplog.text
    queued = TextMessage.objects.get(status="queued")
    assert steps_due(timezone.now()) == [(deliver, queued.pk, queued.next_try_at)]


def test_a_worker_keeps_its_connection_until_it_breaks(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)

    def turn():
        task_prerun.send(sender=deliver, task=deliver)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        task_postrun.send(sender=deliver, task=deliver)
        return pid

    def work():
        fixup = DjangoWorkerFixup(deliver.app).install()
        try:
            first, second = turn(), turn()
            kill.append(second)
            broken.set()
            mended.wait(20)
            return first, second, turn()
        finally:
            for signal in (task_prerun, task_postrun):
                signal.disconnect(fixup.on_task_prerun)
                signal.disconnect(fixup.on_task_postrun)
            connection.close()

    kill: list[int] = []
    broken, mended = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(work)
        broken.wait(20)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", kill)
        mended.set()
        first, second, third = worker.result()
    assert first == second != third
