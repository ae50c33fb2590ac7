"""Twilio, as the sandbox plays it, for the texts of these tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django_scopes import scope

from sms.inbox.receive import Incoming, receive
from sms.models import InboundText, TextMessage
from tenants.models import Tenant, User
from tests.addresses import reverse
from tests.factories import MOBILE, TWILIO_TOKEN, make_customer, make_invoice, make_text
from tests.sandbox_process import Sandbox, start_sandbox


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox process for all of these tests."""
    sandbox = start_sandbox(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.stop()


@pytest.fixture
def twilio(running_sandbox: Sandbox, settings: Any, tenant: Tenant) -> Sandbox:
    """Twilio with the company's account and an empty ledger."""
    running_sandbox.control("reset", all=True)
    account = tenant.twilio
    running_sandbox.control(
        "twilio-accounts",
        sid=account.account_sid,
        auth_token=TWILIO_TOKEN,
        senders=[account.sender],
    )
    settings.TWILIO_URL = running_sandbox.url
    return running_sandbox


@pytest.fixture
def text(tenant: Tenant, clerk: User) -> Callable[..., TextMessage]:
    """`text()` is a queued text of the company; `text(to=…)` chooses the number."""

    def make(**fields: Any) -> TextMessage:
        return make_text(make_invoice(customer=make_customer(tenant)), clerk, **fields)

    return make


@pytest.fixture
def work() -> Callable[..., TextMessage]:
    """`work(task, message)` runs a task as a worker does: without any company in scope."""

    def run(task: Any, message: TextMessage) -> TextMessage:
        with scope():
            task(message.pk)
        message.refresh_from_db()
        return message

    return run


def control(number: str) -> str:
    """A number of the sandbox that misbehaves on purpose."""
    return f"+190755501{number}"


def bodies(sandbox: Sandbox) -> list[str]:
    """What the phones got."""
    return [row["body"] for row in sandbox.ledger()["messages"]]


@pytest.fixture
def take(tenant: Tenant) -> Callable[..., InboundText]:
    """`take("words")` is a text that arrived."""

    def arrive(body: str, number: str = MOBILE, **more: Any) -> InboundText:
        with scope(tenant=tenant):
            text = Incoming(sid=f"SM{uuid.uuid4().hex}", number=number, body=body, **more)
            return receive(tenant, text)[0]

    return arrive


@pytest.fixture
def browser(browser_of: Callable[[User], Client], clerk: User) -> Client:
    """The clerk's browser."""
    return browser_of(clerk)


def page(browser: Client, name: str, *args: Any, **query: Any) -> str:
    """A page of the house, by its address's name."""
    answer = browser.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def act(browser: Client, name: str, *args: Any, **data: Any) -> Any:
    """The answer to a form."""
    return browser.post(reverse(name, args=args), data)
