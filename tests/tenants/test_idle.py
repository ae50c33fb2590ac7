"""A sign-in ends when nobody uses it, and after its day; nothing is done, the way back is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from customers.models import Customer
from invoices.models import Invoice
from tenants import idle
from tenants.models import Tenant, User
from tests.factories import PASSWORD, make_invoice, make_link

pytestmark = pytest.mark.django_db
AWAY = "You were signed out to keep your account safe"


class Clock:
    """The server's, as far as sign-ins go."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    def tick(self, minutes: float) -> None:
        """Let them pass."""
        self.now += minutes * 60


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(idle, "time", clock)
    return clock


@pytest.fixture
def browser(clock: Clock, tenant: Tenant, clerk: User, payer: Any) -> Any:
    """Maya signed in by the form a moment ago."""
    payer.company = tenant.slug
    answer = payer.post("/accounts/login/", {"login": clerk.email, "password": PASSWORD})
    assert answer.status_code == 302
    return payer


@pytest.fixture
def invoice(tenant: Any) -> Invoice:
    return make_invoice(tenant)


def way_back(address: str) -> str:
    """Where the sign-in page leads afterwards."""
    assert urlsplit(address).path == "/accounts/login/"
    return re.sub(r"^/company-[0-9]+/", "/", parse_qs(urlsplit(address).query)["next"][0])


def test_after_a_quarter_of_an_hour_the_page_asks_who_it_is(
    browser: Any, clock: Clock, clerk: User
) -> None:
    clock.tick(14)
    assert browser.get("/invoices/?q=dana").status_code == 200
    clock.tick(14)  # each sign of a person counts anew
    assert browser.get("/invoices/?q=dana").status_code == 200
    clock.tick(16)
    answer = browser.get("/invoices/?q=dana")
    assert way_back(answer.url) == "/invoices/?q=dana"
    page = browser.get(answer.url).content.decode()
    assert AWAY in page
    form = {"login": clerk.email, "password": PASSWORD, "next": "/invoices/?q=dana"}
    assert browser.post("/accounts/login/", form).url.endswith("/invoices/?q=dana")
    assert browser.get("/invoices/?q=dana").status_code == 200
    browser.post("/accounts/logout/")
    assert AWAY not in browser.get("/accounts/login/").content.decode()


def test_one_that_was_never_used_ends_as_well(browser: Any, clock: Clock) -> None:
    clock.tick(16)
    assert browser.get("/").status_code == 302


def test_an_open_page_that_asks_for_news_is_no_sign_of_a_person(
    browser: Any, clock: Clock, invoice: Invoice
) -> None:
    page = f"/invoices/{invoice.public_id}/"
    browser.get(page)
    asks = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
    for _ in range(15):
        assert browser.get(f"{page}live/", headers=asks).status_code == 200
        clock.tick(1)
    clock.tick(1)
    answer = browser.get(f"{page}live/", headers=asks)
    assert (answer.status_code, answer.content) == (204, b"")  # nothing to swap into the page
    assert way_back(answer["HX-Redirect"]) == page


def test_typing_and_clicking_are(browser: Any, clock: Clock) -> None:
    for _ in range(4):
        clock.tick(10)
        assert browser.get("/here/").status_code == 204
    assert browser.get("/").status_code == 200


def test_it_ends_after_twelve_hours_however_busy(browser: Any, clock: Clock) -> None:
    for _ in range(12 * 6):
        clock.tick(10)
        assert browser.get("/here/").status_code == 204
    clock.tick(1)
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize("by_htmx", [False, True])
def test_what_was_typed_before_is_not_done(browser: Any, clock: Clock, by_htmx: bool) -> None:
    page = "http://testserver/customers/new/?from=list"
    clock.tick(16)
    headers = {"Referer": page}
    if by_htmx:
        headers = {"HX-Request": "true", "HX-Current-URL": page}
    answer = browser.post("/customers/new/", {"name": "Half Typed"}, headers=headers)
    assert answer.status_code == (204 if by_htmx else 302)
    assert way_back(answer["HX-Redirect"] if by_htmx else answer.url) == "/customers/new/?from=list"
    assert not Customer.objects.exists()


@pytest.mark.parametrize("page", ["https://evil.example/x/", ""])
def test_the_way_back_never_leads_to_strangers(browser: Any, clock: Clock, page: str) -> None:
    clock.tick(16)
    answer = browser.post("/customers/new/", headers={"Referer": page})
    assert way_back(answer.url) == "/"
    asks = {"HX-Request": "true", "HX-Current-URL": page}
    assert way_back(browser.get("/invoices/", headers=asks)["HX-Redirect"]) == "/"


def test_another_window_hears_why_as_well(browser: Any, clock: Clock) -> None:
    clock.tick(16)
    browser.get("/here/")
    assert AWAY in browser.get("/invoices/", follow=True).content.decode()


def test_the_api_and_support_end_with_it(browser: Any, clock: Clock, clerk: User) -> None:
    User.objects.filter(pk=clerk.pk).update(is_staff=True, is_superuser=True)
    assert browser.get("/api/v1/invoices/").status_code == 200
    assert browser.get("/admin/tenants/tenant/").status_code == 200
    clock.tick(16)
    assert browser.get("/api/v1/invoices/").status_code == 403
    assert browser.get("/admin/tenants/tenant/").status_code == 302


def test_a_payers_page_asks_nobody(browser: Any, clock: Clock, invoice: Invoice) -> None:
    link = make_link(invoice)
    clock.tick(60)
    answer = browser.get(f"/p/{link.token}/")
    assert answer.status_code == 200
    assert "Pay Now" in answer.content.decode()


def test_the_company_may_choose_another_limit(browser: Any, clock: Clock, settings: Any) -> None:
    settings.IDLE_MINUTES = 60
    clock.tick(59)
    assert browser.get("/").status_code == 200


def test_a_password_has_twelve_characters(clerk: User) -> None:
    validate_password("Harbor-Crane-7", clerk)
    with pytest.raises(ValidationError, match="at least 12 characters"):
        validate_password("Crane-7-Dov", clerk)


def test_a_new_person_cannot_choose_a_short_one(
    clerk: User, browser_of: Callable[[User], Any]
) -> None:
    form = {"oldpassword": PASSWORD, "password1": "Crane-7-Dov", "password2": "Crane-7-Dov"}
    answer = browser_of(clerk).post("/accounts/password/change/", form)
    assert "at least 12 characters" in answer.content.decode()
    clerk.refresh_from_db()
    assert clerk.check_password(PASSWORD)
