"""Handing over ten thousand texts: few statements each, one connection per account."""

import os

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sms.models import TextRules
from sms.tasks import deliver
from sms.twilio.client import TIMEOUT, _client
from tests.sms.twilio.test_webhooks import fields, report

pytestmark = pytest.mark.django_db


def test_a_text_costs_few_statements(twilio, text, work):
    message = text()
    TextRules.objects.create(tenant=message.tenant)
    with CaptureQueriesContext(connection) as spent:
        work(deliver, message)
    assert message.status == "sent"
    told = [query["sql"] for query in spent if "SAVEPOINT" not in query["sql"]]
    # Handed over, sent: each change goes with its entry in the history.
    assert sum('UPDATE "sms_textmessage"' in sql for sql in told) == 2
    assert sum("INSERT INTO" in sql and "audit_auditentry" in sql for sql in told) == 2
    # Reading it with its company, the opt-outs and, on PostgreSQL, taking and giving back the lock
    # that an opt-out waits for; the last is this test's own look.
    assert len(told) <= (8 if connection.vendor == "postgresql" else 10), "\n".join(told)


def test_a_report_costs_few_statements(payer, text, work, twilio):
    message = text()
    work(deliver, message)
    told = {}
    for state in ("sending", "sent", "delivered"):
        values = {**fields(message, state), "MessageSid": message.sid}
        with CaptureQueriesContext(connection) as spent:
            assert report(payer, message, values).status_code == 204
        told[state] = [q["sql"] for q in spent if "SAVEPOINT" not in q["sql"]]
    message.refresh_from_db()
    assert message.status == "delivered"
    # What is known is read once. The end is one change and one entry in the history.
    assert [len(told[state]) for state in ("sending", "sent")] == [1, 1]
    assert len(told["delivered"]) <= 3, "\n".join(told["delivered"])


def test_all_texts_of_an_account_share_one_connection(twilio, text, work, settings):
    _client.cache_clear()
    for _ in range(5):
        assert work(deliver, text()).status == "sent"
    assert _client.cache_info().misses == 1
    account = text().tenant.twilio
    _, wire = _client(settings.TWILIO_URL, account.account_sid, account.auth_token, TIMEOUT)
    assert _client.cache_info().misses == 1
    pools = wire.session.get_adapter(settings.TWILIO_URL).poolmanager.pools
    (key,) = pools.keys()
    host = pools.get(key)
    assert (host.num_connections, host.num_requests) == (1, 5)


def test_a_child_process_opens_its_own_connections(twilio, text, work):
    work(deliver, text())
    assert _client.cache_info().currsize
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, b"%d" % _client.cache_info().currsize)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"0"
