"""A company whose gateway is a real sandbox, and a payer with an open link."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses
from django.test import Client
from playwright.sync_api import Browser, Page

from audit.clock import db_now
from invoices.models import Invoice, PaymentLink
from payments import tasks
from payments.models import CardConnectAccount, Payment
from payments.reconciliation.verify import Violation, check
from payments.tasks import settle_bank_payments, settle_unknown
from tenants.models import Tenant
from tests.browser import PHONE, chromium
from tests.factories import make_invoice, make_link
from tests.payments.gateway.http_fakes import GATEWAY, Says
from tests.sandbox_process import Sandbox, start_sandbox

VISA = "4111111111111111"
BANK = "036001808/1234567894412"
PARTIAL = "4387750101010101"  # a part of what is asked for is approved


@pytest.fixture(scope="session")
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = start_sandbox(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.stop()


@pytest.fixture(autouse=True)
def _tasks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sweep hands to workers is done before it returns."""
    monkeypatch.setattr(tasks, "enqueue", lambda task, *args: task(*args))


def check_everybody() -> list[Violation]:
    """What the nightly checks of all companies find; each speaks of its own company only."""
    found = []
    for tenant in Tenant.objects.all():
        of_one = check(tenant)
        assert {violation.tenant_id for violation in of_one} <= {tenant.pk}
        found += of_one
    return found


@dataclass
class Gateway:
    """The outside world, and what its own books say."""

    sandbox: Sandbox
    merchid: str
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, account: str = VISA, cvv: str = "123", expiry: str = "203012") -> str:
        """What the hosted frame would give the page."""
        body = {"account": account}
        if "/" not in account:
            body |= {"cvv": cvv, "expiry": expiry}
        answer = requests.post(
            f"{self.sandbox.url}/cardsecure/api/v1/ccn/tokenize", json=body, timeout=20
        )
        return str(answer.json()["token"])

    def fault(self, target: str, fault: str, **more: Any) -> None:
        """Order trouble."""
        self.sandbox.fault(target, fault, **more)

    def charges(self, **wanted: Any) -> list[dict[str, Any]]:
        """Every charge of the company, approved or not."""
        rows = [r for r in self.sandbox.ledger()["charges"] if r["merchid"] == self.merchid]
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    def taken(self) -> list[dict[str, Any]]:
        """The charges that took money and kept it."""
        return [row for row in self.charges(respstat="A") if not row["voided"]]


@pytest.fixture
def gateway(_sandbox: Sandbox, tenant: Tenant, settings: Any) -> Gateway:
    """The company's gateway, with empty books."""
    settings.CARDCONNECT_URL = _sandbox.url
    _sandbox.reset()
    account = tenant.cardconnect
    _sandbox.control(
        "merchants",
        merchid=account.merchid,
        username=account.username,
        password=account.password,
        ach=True,
    )
    return Gateway(_sandbox, account.merchid)


@pytest.fixture
def with_fee(gateway: Gateway, tenant: Tenant) -> Callable[..., CardConnectAccount]:
    """Order the gateway to add a fee, of a kind and a size; we do not know of it yet."""

    def order(kind: str = "S", value: str = "3.00", shape: str = "percent") -> CardConnectAccount:
        account = tenant.cardconnect
        gateway.sandbox.control(
            "merchants",
            merchid=account.merchid,
            username=account.username,
            password=account.password,
            ach=True,
            fee_type=kind,
            fee_format=shape,
            fee_value=value,
        )
        return account

    return order


@pytest.fixture
def surcharged(with_fee: Callable[..., CardConnectAccount]) -> CardConnectAccount:
    """A merchant account that adds 3% to credit cards, and we know."""
    account = with_fee()
    account.set_fee("S", "percent", Decimal("3.00"))
    account.save_fee()
    return account


@pytest.fixture
def says(settings: Any) -> Iterator[Says]:
    """A gateway without a process: it says what the test wants."""
    settings.CARDCONNECT_URL = GATEWAY
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Says(mock)


@pytest.fixture
def invoice(tenant: Tenant) -> Invoice:
    """An open invoice of $182.50."""
    return make_invoice(tenant)


@pytest.fixture
def link(invoice: Invoice) -> PaymentLink:
    """Its live link."""
    return make_link(invoice)


@pytest.fixture
def form(link: PaymentLink, gateway: Gateway) -> dict[str, Any]:
    """What the page would post to pay by card."""
    return {
        "key": str(uuid.uuid4()),
        "amount": "182.50",
        "method": "card",
        "token": gateway.token(),
        "expiry": "203012",
        "authorized": "yes",
    }


@pytest.fixture
def paid(payer: Client, link: PaymentLink, form: dict[str, Any]) -> Payment:
    """A card payment of $182.50 in the open batch."""
    payer.post(address(link), form)
    return Payment.objects.get()


@pytest.fixture
def settled(paid: Payment, gateway: Gateway) -> Payment:
    """The same after the batch closed and we heard of it."""
    gateway.sandbox.control("close-batch", merchid=gateway.merchid)
    settle_bank_payments()
    paid.refresh_from_db()
    assert paid.status == "settled"
    return paid


@pytest.fixture
def bank_form(form: dict[str, Any], gateway: Gateway) -> dict[str, Any]:
    """What the page would post to pay from a bank account."""
    return form | {
        "method": "ach",
        "token": gateway.token(BANK),
        "account": "ECHK",
        "name": "Dana Whitfield",
        "expiry": "",
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of one file."""
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """The customer's phone."""
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]  # Playwright's own shape
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


@pytest.fixture
def pay_page(page: Page, live_server: Any, link: PaymentLink, gateway: Gateway) -> Page:
    """Pay Now on that phone."""
    page.goto(live_server.url + address(link))
    return page


def address(link: PaymentLink) -> str:
    """The path of the Pay Now page."""
    return f"/p/{link.token}/"


def backdate(payment: Payment, seconds: float) -> None:
    """Let it have been sent that long ago."""
    moment = db_now() - dt.timedelta(seconds=seconds)
    Payment._base_manager.filter(pk=payment.pk).update(
        created_at=moment, sent_at=moment if payment.sent_at else None, next_inquiry_at=None
    )
    payment.refresh_from_db()


def sweep_after(payment: Payment, seconds: float) -> Payment:
    """Run the sweep as if the payment had been sent `seconds` ago."""
    backdate(payment, seconds)
    settle_unknown()
    payment.refresh_from_db()
    return payment
