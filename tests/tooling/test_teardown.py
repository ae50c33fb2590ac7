"""The suite's own teardown: a page that is still being answered does not fail the test before."""

import threading

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections
from django.test import TransactionTestCase

from audit.models import AuditEntry
from tenants.models import Tenant
from tests.factories import make_ready_tenant
from tests.flush import tables

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_deadlock_with_the_last_question_of_a_page_is_survived():
    """The answer writes to one table and wants another, which the flush has locked by then."""
    make_ready_tenant()
    first, *_, last = tables()
    holds, ended = threading.Event(), threading.Event()

    def question() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute(f"LOCK TABLE {last} IN ROW EXCLUSIVE MODE")
                holds.set()
                wait_for_flush(cursor)
                cursor.execute(f"LOCK TABLE {first} IN ROW EXCLUSIVE MODE")
                cursor.execute("COMMIT")
        finally:
            connections.close_all()
            ended.set()

    asking = threading.Thread(target=question)
    asking.start()
    assert holds.wait(10)
    TransactionTestCase("id")._fixture_teardown()  # waits first, so it is the one to be ended
    asking.join(10)
    assert ended.is_set()
    assert not Tenant._base_manager.exists()


def wait_for_flush(cursor) -> None:
    """Until another connection waits for a lock."""
    waits = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ExclusiveLock'"
        " AND locktype = 'relation'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    pause = threading.Event()
    for _ in range(200):
        cursor.execute(waits)
        if cursor.fetchone()[0]:
            return
        pause.wait(0.05)
    raise AssertionError("The flush does not wait")


def test_nothing_is_left_but_what_migrate_made():
    """Also not the history, from which nobody else can delete."""
    types = ContentType.objects.count()
    AuditEntry.objects.create(tenant=make_ready_tenant(), subject="invoice:1", action="test")
    TransactionTestCase("id")._fixture_teardown()
    assert not Tenant._base_manager.exists()
    assert not AuditEntry._base_manager.exists()
    assert ContentType.objects.count() == types > 0
