"""The suite's own teardown: a page that is still being answered does not fail the test before."""

import re
import threading

import pytest
from django.core.management.color import no_style
from django.core.management.sql import sql_flush
from django.db import connection, connections
from django.test import TransactionTestCase

from tenants.models import Tenant
from tests.factories import make_ready_tenant

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_deadlock_with_the_last_question_of_a_page_is_survived():
    """The question holds one table and wants another, which TRUNCATE has by then."""
    make_ready_tenant()
    first, *_, last = re.findall(r'"(\w+)"', sql_flush(no_style(), connection)[0])
    holds, ended = threading.Event(), threading.Event()

    def question() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute(f'SELECT count(*) FROM "{last}"')
                holds.set()
                wait_for_truncate(cursor)
                cursor.execute(f'SELECT count(*) FROM "{first}"')
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


def wait_for_truncate(cursor) -> None:
    """Until another connection waits for a lock."""
    waits = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    pause = threading.Event()
    for _ in range(200):
        cursor.execute(waits)
        if cursor.fetchone()[0]:
            return
        pause.wait(0.05)
    raise AssertionError("TRUNCATE does not wait")
