"""Nightly match and check: once per company, also after a crash or a repeated message."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import Counter
from typing import Any

import pytest
from celery.exceptions import WorkerLostError
from django.db import connection
from django.db.models import Min
from django_scopes import scopes_disabled

from payments import tasks
from payments.models import CardConnectAccount, MoneyCheck, reconciliation
from payments.models.reconciliation import MatchRun
from payments.reconciliation import match, nightly, verify
from tenants.models import Tenant
from tests.factories import make_ready_tenant, make_tenant
from tests.race import run_together

pytestmark = pytest.mark.django_db

EVENING = dt.datetime(2026, 12, 1, 23, 30, tzinfo=dt.UTC)
MATCH, CHECK = "match", "check"


class House:
    """A clock that the test moves, the beat that follows it, and what ran for which company."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = EVENING
        self.runs: list[tuple[str, dt.datetime, int]] = []
        self.dies: set[tuple[str, int]] = set()
        for module in (reconciliation, match, nightly, verify):
            monkeypatch.setattr(module, "db_now", lambda: self.now)
        monkeypatch.setattr(match, "run", self._match)
        monkeypatch.setattr(verify, "verify", self._check)

    def _match(self, run: MatchRun) -> None:
        self._note(MATCH, run.tenant)
        run.finish()

    def _check(self, tenant: Tenant, *, gateway: bool) -> tuple[list[Any], int]:
        assert gateway
        self._note(CHECK, tenant)
        return [], 0

    def _note(self, what: str, tenant: Tenant) -> None:
        self.runs.append((what, self.now, tenant.pk))
        if (what, tenant.pk) in self.dies:
            self.dies.remove((what, tenant.pk))
            raise WorkerLostError("kill -9")

    def until(self, hour: int, minute: int = 0) -> None:
        """Beat sweeps until the clock shows this time; moments at which nothing is due pass."""
        end = self.now.replace(hour=hour, minute=minute)
        end += dt.timedelta(days=end <= self.now)
        while self.now < end:
            for sweep in (tasks.match_everybody, tasks.verify_money):
                with contextlib.suppress(WorkerLostError):
                    sweep()
            self.now = min(end, max(self.now + dt.timedelta(minutes=5), self._next_due()))

    def _next_due(self) -> dt.datetime:
        accounts = CardConnectAccount.objects.aggregate(first=Min("next_match_at"))
        checks = MoneyCheck.objects.aggregate(first=Min("next_check_at"))
        return min(accounts["first"], checks["first"])

    def when(self, what: str, tenant: Tenant) -> list[str]:
        return [f"{at:%d. %H:%M}" for kind, at, pk in self.runs if (kind, pk) == (what, tenant.pk)]


@pytest.fixture
def house(monkeypatch):
    return House(monkeypatch)


def test_the_match_is_at_three_and_the_check_at_half_past_four(house, tenant):
    house.until(12)
    assert house.when(MATCH, tenant) == ["02. 03:00"]
    assert house.when(CHECK, tenant) == ["02. 04:30"]
    house.until(5)
    assert house.when(MATCH, tenant) == ["02. 03:00", "03. 03:00"]
    assert house.when(CHECK, tenant) == ["02. 04:30", "03. 04:30"]


def test_every_company_has_one_match_and_one_check_a_night(house, tenant):
    others = [make_ready_tenant(f"Company {number}") for number in range(7)]
    house.until(7)
    counts = Counter((what, pk) for what, _, pk in house.runs)
    assert set(counts.values()) == {1}
    assert len(counts) == 2 * len([tenant, *others])
    starts = Counter((what, at) for what, at, _ in house.runs)
    assert max(starts.values()) == 1  # what the gateway answers in a minute


def test_a_night_is_long_enough_however_many_companies_there_are(house, tenant, monkeypatch):
    for number in range(6):
        make_ready_tenant(f"Company {number}")
    monkeypatch.setattr(nightly, "SWEEPS", 3)
    house.until(3, 15)
    assert len(house.runs) == 7
    assert max(Counter(at for _, at, _ in house.runs).values()) == 3


def test_who_is_matched_by_night(house, tenant):
    closed = make_ready_tenant("Closed", is_active=False)
    without = make_tenant("Cash only")
    unready = make_ready_tenant("No password yet")
    CardConnectAccount.objects.filter(tenant=unready).update(password_sealed="")
    house.until(7)
    assert {pk for what, _, pk in house.runs if what == MATCH} == {tenant.pk}
    checked = {pk for what, _, pk in house.runs if what == CHECK}
    assert checked == {tenant.pk, without.pk, unready.pk}
    assert closed.pk not in checked


def test_a_run_that_was_cut_off_is_made_again_the_same_night(house, tenant):
    house.dies = {(MATCH, tenant.pk), (CHECK, tenant.pk)}
    house.until(7)
    assert house.when(MATCH, tenant) == ["02. 03:00", "02. 03:35"]
    assert house.when(CHECK, tenant) == ["02. 04:30", "02. 05:05"]
    cut_off, whole = MatchRun.objects.order_by("id")
    assert "interrupted" in cut_off.problem
    assert whole.problem == ""
    assert MoneyCheck.objects.get(tenant=tenant).checked_at


def test_a_message_delivered_again_runs_nothing(house, tenant):
    house.until(5)
    for _ in range(3):
        tasks.match_company(tenant.pk)
        tasks.verify_company(tenant.pk)
    assert len(house.runs) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_messages_delivered_at_one_moment_run_once(house, tenant):
    house.until(2, 55)
    house.now = house.now.replace(hour=4, minute=30)
    run_together(*[lambda: tasks.verify_company(tenant.pk)] * 8)
    run_together(*[lambda: tasks.match_company(tenant.pk)] * 8)
    assert sorted(what for what, _, _ in house.runs) == [CHECK, MATCH]


def test_a_persons_match_is_not_run_beside_the_nights(house, tenant):
    house.until(2, 55)
    run = match.begin(tenant)
    house.until(3, 10)
    assert house.runs == []
    run.finish()
    house.until(4)
    assert house.when(MATCH, tenant) == ["02. 03:35"]


def test_the_check_waits_for_the_match_of_its_company(house, tenant):
    house.until(2)
    house.now = house.now.replace(hour=5)
    assert nightly.checks_due() == []  # many companies: its match has not begun
    until = nightly.claim_match(tenant.pk)
    house.now = house.now.replace(minute=30)
    assert nightly.checks_due() == []
    nightly.finish_match(tenant.pk, until)
    assert nightly.checks_due() == [tenant.pk]


def test_a_match_that_never_ends_does_not_keep_the_money_unchecked(house, tenant, monkeypatch):
    def die(run):
        raise WorkerLostError("kill -9")

    monkeypatch.setattr(match, "run", die)
    monkeypatch.setattr(nightly, "PATIENCE", dt.timedelta(hours=2))
    house.until(8)
    assert house.when(CHECK, tenant) == ["02. 06:30"]
    assert MatchRun.objects.count() > 5  # it is tried again every 35 minutes


def test_settings_saved_while_the_match_runs_do_not_make_it_due_again(house, tenant):
    house.until(2, 55)
    stale = CardConnectAccount.objects.get(tenant=tenant)
    house.until(3, 5)
    stale.username = "another"
    stale.save_settings()
    house.until(4)
    assert house.when(MATCH, tenant) == ["02. 03:00"]
    assert CardConnectAccount.objects.get(tenant=tenant).username == "another"


def test_home_says_nothing_of_a_check_that_is_only_planned(house, tenant, admin_user, browser_of):
    house.until(23, 40)
    with scopes_disabled():
        assert MoneyCheck.objects.filter(tenant=tenant, checked_at=None).exists()
    assert "accounted for" not in browser_of(admin_user).get("/").content.decode()
