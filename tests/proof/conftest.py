"""The payments' world, and a process that dies where a test wants it to."""

from __future__ import annotations

import datetime as dt
import os
import signal
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from audit import clock
from tenants.models import Tenant, User
from tests.factories import TWILIO_TOKEN, make_member
from tests.payments.conftest import Gateway as Gateway
from tests.payments.conftest import _sandbox as _sandbox
from tests.payments.conftest import _tasks_at_once as _tasks_at_once
from tests.payments.conftest import bank_form as bank_form
from tests.payments.conftest import form as form
from tests.payments.conftest import gateway as gateway
from tests.payments.conftest import invoice as invoice
from tests.payments.conftest import link as link

KILLED, FINISHED = -signal.SIGKILL, 0


class Time:
    """The product's clocks and the gateway's, moved on together."""

    def __init__(self, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gateway, self.ahead = gateway, dt.timedelta(0)
        now, asked = timezone.now, clock._ask_database
        monkeypatch.setattr(timezone, "now", lambda: now() + self.ahead)
        monkeypatch.setattr(clock, "_ask_database", lambda: asked() + self.ahead)
        monkeypatch.setattr(
            clock.DbNow, "as_sql", lambda *_, **__: ("(CLOCK_TIMESTAMP() + %s)", (self.ahead,))
        )

    def pass_by(self, seconds: float) -> None:
        """Later, everywhere."""
        self.gateway.sandbox.control("clock", advance=seconds)
        self.ahead += dt.timedelta(seconds=seconds)

    def begin_anew(self) -> None:
        """Back to real time, and no charges."""
        self.gateway.sandbox.reset()
        self.ahead = dt.timedelta(0)


@pytest.fixture
def our_time(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Time:
    """The clock of everybody."""
    return Time(gateway, monkeypatch)


@pytest.fixture
def people(tenant: Tenant, admin_user: User) -> list[User]:
    """Two who may give money back; above a limit it takes both."""
    tenant.refund_release_over = Decimal("120.00")
    tenant.save()
    return [admin_user, make_member(tenant, "Administrator", name="Omar Diaz")]


@pytest.fixture
def twilio(gateway: Gateway, tenant: Tenant, settings: Any) -> None:
    """Twilio, in the same sandbox."""
    account = tenant.twilio
    about = {"auth_token": TWILIO_TOKEN, "senders": [account.sender]}
    gateway.sandbox.control("twilio-accounts", sid=account.account_sid, **about)
    settings.TWILIO_URL = gateway.sandbox.url


def in_a_process(work: Callable[[], Any]) -> int:
    """Run `work` in a process of its own; how it ended, as subprocess tells it."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)
