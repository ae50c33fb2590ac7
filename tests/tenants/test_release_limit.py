"""Whoever moves the limit above which a refund needs a second person is seen doing it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from freezegun import freeze_time

from audit.models import AuditEntry
from tenants.models import Role, Tenant, User
from tests.factories import PASSWORD, make_member
from tests.tenants.test_people import words
from textpay.company import people
from textpay.tasks import tell_of_release_limit

pytestmark = pytest.mark.django_db
TOLD = "Refunds above $9,999,999.00 now need a second person (before: $500.00)"


@pytest.fixture(autouse=True)
def _tasks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "enqueue", lambda task, *args: task(*args))


@pytest.fixture
def keeper(tenant: Tenant) -> User:
    """Bea keeps the books: she releases what the administrator asks for."""
    allowed = ["view_invoices", "see_money", "release_refunds"]
    Role.objects.create(tenant=tenant, name="Bookkeeper", permissions=allowed)
    return make_member(tenant, "Bookkeeper", name="Bea Holt")


@pytest.fixture
def raised(
    tenant: Tenant,
    admin_user: User,
    keeper: User,
    clerk: User,
    stranger: User,
    browser_of: Callable[[User], Any],
) -> Tenant:
    """Alma has raised the limit out of the way."""
    form = {
        "refund_release_over": "9999999",
        "ach_clear_days": "4",
        "confirm_password": PASSWORD,
    }
    page = "/settings/payments/money-back/"
    assert browser_of(admin_user).post(page, form).status_code == 302
    tenant.refresh_from_db()
    assert tenant.refund_release_over == Decimal("9999999.00")
    return tenant


def test_everybody_else_who_releases_is_written_to(
    raised: Tenant, keeper: User, admin_user: User
) -> None:
    (letter,) = mail.outbox
    assert letter.to == [keeper.email]
    assert "Alma Reyes" in letter.body
    assert "refunds above $9,999,999.00 now need" in letter.body
    assert "Before, the limit was $500.00." in letter.body
    assert "/settings/payments/" in letter.body
    entry = AuditEntry.objects.get(action="tenant.release_limit_changed")
    assert entry.actor == admin_user
    assert entry.data == {"before": "500.00", "now": "9999999.00"}


def test_home_shows_it_for_a_week_to_who_releases(
    raised: Tenant, keeper: User, clerk: User, admin_user: User, browser_of: Callable[[User], Any]
) -> None:
    told = words(browser_of(keeper).get("/"))
    assert TOLD in told
    assert "Alma Reyes changed this" in told
    for user in (clerk, admin_user):
        assert TOLD not in words(browser_of(user).get("/"))
    with freeze_time(timezone.now() + dt.timedelta(days=8)):
        assert TOLD not in words(browser_of(keeper).get("/"))


def test_another_setting_of_that_form_tells_nobody(
    tenant: Tenant, admin_user: User, keeper: User, browser_of: Callable[[User], Any]
) -> None:
    form = {"refund_release_over": "500", "ach_clear_days": "6", "confirm_password": PASSWORD}
    browser_of(admin_user).post("/settings/payments/money-back/", form)
    tenant.refresh_from_db()
    assert tenant.ach_clear_days == 6
    assert mail.outbox == []


def test_where_one_person_releases_alone_there_is_nobody_to_write_to(
    tenant: Tenant, admin_user: User, clerk: User
) -> None:
    people.limit_changed(tenant, admin_user, before=Decimal(500), now=Decimal(900))
    assert mail.outbox == []
    entry = AuditEntry.objects.get(action="tenant.release_limit_changed")
    tell_of_release_limit(entry.pk)
    assert mail.outbox == []
