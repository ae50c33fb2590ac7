"""Housekeeping removes what its rules name, of every company, and keeps all evidence."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from celery.schedules import crontab
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Model
from django_scopes import scope

from audit.clock import db_now
from audit.models import AuditEntry, record
from payments.models import MatchRow, MatchRun
from payments.reconciliation import match as matching
from sms.models import NumberLookup
from tenants.models import Tenant, User
from tests.addresses import reverse
from tests.conftest import signed_in
from tests.factories import make_ready_tenant
from tests.payments.reconciliation.test_match import match_now
from tests.race import apart, run_together
from textpay import housekeeping
from textpay.celery import app
from textpay.tasks import housekeep

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
LONG_AGO = 401 * DAY
LATELY = 399 * DAY


@pytest.fixture
def other(tenant: Tenant) -> Tenant:
    """A second company."""
    return make_ready_tenant("Mesa Verde Electric")


def make_session(expired: dt.timedelta) -> str:
    """One that expired so long ago; its key."""
    session = SessionStore()
    session.create()
    Session.objects.filter(pk=session.session_key).update(expire_date=db_now() - expired)
    assert session.session_key
    return session.session_key


def make_run(tenant: Tenant, age: dt.timedelta, **fields: Any) -> MatchRun:
    """One match that ended so long ago."""
    moment = db_now() - age
    return MatchRun.objects.create(
        tenant=tenant,
        from_day=moment.date(),
        to_day=moment.date(),
        started_at=moment,
        **{"finished_at": moment, **fields},
    )


def make_row(run: MatchRun, **fields: Any) -> MatchRow:
    """A charge that nobody knows, found by this run."""
    return MatchRow.objects.create(
        tenant=run.tenant,
        run=run,
        bucket="theirs",
        cause="unknown_charge",
        day=run.to_day,
        their_amount="64.00",
        **fields,
    )


def left(model: type[Model]) -> set[Any]:
    return set(model._base_manager.values_list("pk", flat=True))


# --- Each rule --------------------------------------------------------------------------------


def test_expired_sessions_go_and_people_stay_signed_in(clerk: User) -> None:
    browser = signed_in(clerk)
    stays = {browser.session.session_key, make_session(-DAY), make_session(dt.timedelta(hours=1))}
    make_session(dt.timedelta(hours=25))
    make_session(LONG_AGO)
    assert housekeeping.run()["expired sessions"] == 2
    assert left(Session) == stays
    assert browser.get(reverse("home")).status_code == 200


def test_old_number_lookups_go_of_every_company(tenant: Tenant, other: Tenant) -> None:
    stays = set()
    for company in (tenant, other):
        for number, days in (("+12025550101", 59), ("+12025550102", 61)):
            row = NumberLookup.objects.create(
                tenant=company, number=number, looked_up_at=db_now() - days * DAY
            )
            if days < 60:
                stays.add(row.pk)
    assert housekeeping.run()["old number lookups"] == 2
    assert left(NumberLookup) == stays


def test_replaced_match_rows_go_of_every_company(tenant: Tenant, other: Tenant) -> None:
    stays, goes = set(), set()
    for company in (tenant, other):
        goes.add(make_row(make_run(company, LONG_AGO), superseded=True).pk)
        stays.add(make_row(make_run(company, LATELY), superseded=True).pk)
    assert housekeeping.run()["replaced match rows"] == len(goes)
    assert left(MatchRow) == stays


def test_what_waits_for_a_person_stays_however_old(tenant: Tenant) -> None:
    row = make_row(make_run(tenant, 5 * LONG_AGO))
    housekeeping.run()
    assert left(MatchRow) == {row.pk}
    assert MatchRun.objects.get() == row.run


def test_what_a_person_handled_stays_with_its_run(tenant: Tenant, clerk: User) -> None:
    handled = db_now() - LONG_AGO
    run = make_run(tenant, LONG_AGO)
    seen = {"handled_at": handled, "seen_by": clerk, "note": "Refunded at CardConnect"}
    rows = [
        make_row(run, **seen),
        make_row(run, superseded=True, **seen),
        make_row(run, handled_at=handled),
    ]
    make_run(tenant, DAY)
    housekeeping.run()
    assert left(MatchRow) == {row.pk for row in rows}
    assert run.pk in left(MatchRun)


def test_old_match_runs_go_of_every_company(tenant: Tenant, other: Tenant) -> None:
    stays, goes = set(), set()
    for company in (tenant, other):
        replaced = make_run(company, LONG_AGO)
        make_row(replaced, superseded=True)
        goes |= {replaced.pk, make_run(company, LONG_AGO, problem="No answer.").pk}
        stays |= {make_run(company, LATELY).pk, make_run(company, DAY).pk}
    assert housekeeping.run()["old match runs"] == len(goes)
    assert left(MatchRun) == stays


def test_what_the_page_of_money_match_shows_stays(
    tenant: Tenant, other: Tenant, admin_user: User
) -> None:
    """A company that was switched off long ago: its last run, and its last whole one."""
    make_run(tenant, 3 * LONG_AGO)
    make_run(other, DAY)
    whole = make_run(tenant, 2 * LONG_AGO, matched_charge_count=7, matched_charge_total="1640.00")
    make_run(tenant, LONG_AGO, problem="It was interrupted. Match again.")
    last = make_run(tenant, LONG_AGO, problem="CardConnect could not be reached.")
    housekeeping.run()
    with scope(tenant=tenant):
        assert set(MatchRun.objects.all()) == {whole, last}
    page = signed_in(admin_user).get(reverse("payments:match")).content.decode()
    assert "$1,640.00" in page
    assert "CardConnect could not be reached." in page


def test_a_company_that_had_deposits_stays_one(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Money match knows it from earlier runs, and reports a missing deposit only then."""
    for age in (3 * LONG_AGO, 2 * LONG_AGO):
        make_run(tenant, age, has_deposits=True)
    make_run(tenant, LONG_AGO, problem="CardConnect could not be reached.")
    assert housekeeping.run()["old match runs"] == 1
    monkeypatch.setattr(matching, "read", lambda *_: [])
    run = match_now(tenant)
    run.refresh_from_db()
    assert run.has_deposits


def test_a_run_that_has_not_ended_stays(tenant: Tenant) -> None:
    running = make_run(tenant, LONG_AGO, finished_at=None)
    housekeeping.run()
    assert left(MatchRun) == {running.pk}


def test_history_is_not_touched(tenant: Tenant, clerk: User) -> None:
    record("tenant.edited", tenant=tenant, subject=tenant.audit_subject, actor=clerk)
    before = left(AuditEntry)
    make_session(LONG_AGO)
    assert housekeep() == 1
    assert left(AuditEntry) == before != set()


# --- The table of rules -----------------------------------------------------------------------


def test_every_table_has_its_place() -> None:
    """A new model is removed by a rule, kept as evidence, or does not grow: its author decides."""
    removed = {rule.rows(db_now()).model._meta.label for rule in housekeeping.RULES}
    kept = housekeeping.EVIDENCE.keys() | housekeeping.BOUNDED.keys()
    assert not removed & kept
    assert not housekeeping.EVIDENCE.keys() & housekeeping.BOUNDED.keys()
    assert removed | kept == {model._meta.label for model in apps.get_models()}


def test_every_rule_says_why() -> None:
    assert all(rule.what and rule.why and rule.after >= DAY for rule in housekeeping.RULES)


# --- At night, in batches, beside itself ------------------------------------------------------


def test_it_runs_every_night() -> None:
    [entry] = [
        entry for entry in app.conf.beat_schedule.values() if entry["task"] == housekeep.name
    ]
    assert housekeep.name in app.tasks
    assert isinstance(entry["schedule"], crontab)
    assert (entry["schedule"].hour, entry["schedule"].minute) == ({7}, {40})
    assert entry["schedule"].day_of_week == set(range(7))
    longest = len(housekeeping.RULES) * housekeeping.SECONDS
    assert longest < settings.CELERY_TASK_TIME_LIMIT


def test_a_second_run_finds_nothing(tenant: Tenant) -> None:
    make_session(LONG_AGO)
    make_row(make_run(tenant, LONG_AGO), superseded=True)
    make_run(tenant, DAY)
    assert sum(housekeeping.run().values()) == 3
    assert set(housekeeping.run().values()) == {0}


def test_it_works_in_batches_and_stops_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    for _ in range(5):
        make_session(LONG_AGO)
    monkeypatch.setattr(housekeeping, "SECONDS", -1)
    assert housekeeping.run()["expired sessions"] == 2  # the rest goes the next night
    assert Session.objects.count() == 3
    monkeypatch.setattr(housekeeping, "SECONDS", 30)
    assert housekeeping.run()["expired sessions"] == 3


def test_a_rule_that_fails_does_not_hold_up_the_others(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(moment: dt.datetime) -> Any:
        raise RuntimeError

    broken = housekeeping.Rule("broken", DAY, "For this test.", fail)
    monkeypatch.setattr(housekeeping, "RULES", (broken, *housekeeping.RULES))
    make_session(LONG_AGO)
    assert housekeeping.run() == {
        "broken": 0,
        "expired sessions": 1,
        "old number lookups": 0,
        "old form keys": 0,
        "replaced match rows": 0,
        "old match runs": 0,
    }
    assert "Housekeeping could not remove broken" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_do_the_work_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 3)
    for _ in range(40):
        make_session(LONG_AGO)
    first, second = run_together(housekeeping.run, housekeeping.run)
    assert first["expired sessions"] + second["expired sessions"] == 40
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_somebody_holds_is_left_for_the_next_night() -> None:
    held = make_session(LONG_AGO)
    make_session(LONG_AGO)
    with transaction.atomic():
        Session.objects.select_for_update(no_key=True).get(pk=held)
        removed = apart(housekeeping.run).result(timeout=30)
        assert removed["expired sessions"] == 1
    assert left(Session) == {held}
    assert housekeeping.run()["expired sessions"] == 1
