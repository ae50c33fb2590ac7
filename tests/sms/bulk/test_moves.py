"""**Pause**, **Go on** and **Stop the rest** of a bulk send, and the sweeps behind it."""

from __future__ import annotations

import uuid

import pytest

from sms import tasks
from sms.bulk.work import queue_portion
from sms.models import BulkSend, TextMessage
from tests.addresses import reverse
from tests.conftest import signed_in
from tests.factories import make_customer, make_invoice
from tests.payments.checkout.test_pages import words_of
from tests.sms.conftest import bodies

pytestmark = pytest.mark.django_db


@pytest.fixture
def enqueued(monkeypatch):
    """What was handed to workers: task and arguments."""
    seen = []
    monkeypatch.setattr(tasks, "enqueue", lambda task, *a, **k: seen.append((task, *a)))
    monkeypatch.setattr("sms.bulk.views.enqueue", lambda task, *a, **k: seen.append((task, *a)))
    return seen


@pytest.fixture
def bulk(tenant, clerk):
    found = [
        make_invoice(customer=make_customer(tenant, f"C {n}", mobile=f"+1978555{n:04}"))
        for n in (301, 302, 303)
    ]
    return BulkSend.objects.start(tenant, found, actor=clerk, key=uuid.uuid4())[0]


def press(browser, bulk, move):
    """The button, and the page afterwards."""
    answer = browser.post(reverse(f"sms:bulk_{move}", args=[bulk.public_id]), follow=True)
    bulk.refresh_from_db()
    return words_of(answer)


def test_pause_go_on_and_stop(bulk, clerk, twilio, enqueued):
    office = signed_in(clerk)
    queued = queue_portion(bulk)
    assert queued
    press(office, bulk, "pause")
    assert (bulk.status, enqueued) == ("paused", [])
    assert not TextMessage.objects.exclude(next_try_at=None).exists()
    assert "It is already paused." in press(office, bulk, "pause")
    press(office, bulk, "go_on")
    assert (bulk.status, enqueued) == ("running", [(tasks.run_bulk, bulk.pk)])
    assert "It is already running." in press(office, bulk, "go_on")
    press(office, bulk, "stop")
    assert bulk.status == "cancelled"
    assert set(TextMessage.objects.values_list("status", flat=True)) == {"cancelled"}
    assert "It is already" in press(office, bulk, "stop")
    assert bodies(twilio) == []


def test_a_running_bulk_send_goes_on_after_its_worker_died(bulk, clerk, enqueued):
    tasks.run_bulk_sends()
    assert enqueued == [(tasks.run_bulk, bulk.pk)]
    enqueued.clear()
    bulk.pause(actor=clerk)
    tasks.run_bulk_sends()
    assert enqueued == []


def test_the_sweep_enqueues_what_is_due(bulk, enqueued):
    texts = queue_portion(bulk)
    tasks.sweep()
    assert sorted(enqueued, key=lambda each: each[1]) == [
        (tasks.deliver, text.pk) for text in sorted(texts, key=lambda text: text.pk)
    ]


def test_a_form_with_a_broken_key_or_invoice_is_taken_as_a_new_one(bulk, tenant, clerk, enqueued):
    office = signed_in(clerk)
    invoice = make_invoice(customer=make_customer(tenant, "C 4", mobile="+19785550304"))
    page = office.get("/invoices/text-many/", {"invoice": [str(invoice.public_id), "nonsense"]})
    assert "Text 1 invoice" in words_of(page)
    form = {"invoice": [str(invoice.public_id), "nonsense"], "key": "nonsense"}
    office.post("/invoices/text-many/", form | {"seen": page.context["seen"]})
    assert BulkSend.objects.exclude(pk=bulk.pk).get().rows.count() == 1
