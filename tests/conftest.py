"""The people tests speak of, and the company they work for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client, TransactionTestCase
from django_scopes import scope, scopes_disabled

from sms.models import TextRules
from tenants.idle import BEGAN, SEEN
from tenants.models import Tenant, User
from tenants.versions import UNKNOWN_VERSION, VersionedForm
from tests.addresses import first_words
from tests.factories import make_member, make_ready_tenant
from tests.flush import empty_tables
from tests.order import pytest_collection_modifyitems as pytest_collection_modifyitems
from tests.order import pytest_itemcollected as pytest_itemcollected

# A busy machine is no finding.
hypothesis.settings.register_profile(
    "textpay", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("textpay")


class ScopedClient(Client):
    """A browser whose requests start without a company, as in production.

    Tests themselves may look at every company's rows; the code they call may not.
    """

    company = ""

    def force_login(self, user: User, backend: str | None = None) -> None:
        """Sign in; from now on company pages are those of the person's first company."""
        super().force_login(user, backend)
        works = user.memberships.filter(is_active=True).values_list("tenant__slug", flat=True)
        self.company = works.first() or ""

    def generic(  # type: ignore[override]
        self, method: str, path: str, *rest: Any, **options: Any
    ) -> Any:
        """Fill the company's short name in."""
        first = str(path).split("?")[0].split("/")[1:2]
        if self.company and first and first[0] in first_words(settings.COMPANY_URLCONF):
            path = f"/{self.company}{path}"
        return super().generic(method, path, *rest, **options)

    def post(  # type: ignore[override]
        self, path: str, data: Any = None, *rest: Any, **options: Any
    ) -> Any:
        """Send a form; one without a version is sent as from a page that was just opened."""
        answer = super().post(path, data, *rest, **options)
        version = _version_of(answer)
        if isinstance(data, dict) and version.keys() - data.keys():
            answer = super().post(path, data | version, *rest, **options)
        return answer

    def request(self, **request: Any) -> Any:
        with scope():
            return super().request(**request)


def _version_of(answer: Any) -> dict[str, str]:
    """The present version, where a form was refused for want of one."""
    for context in answer.context or () if answer.status_code == 422 else ():
        for form in context.flatten().values() if hasattr(context, "flatten") else ():
            if isinstance(form, VersionedForm) and UNKNOWN_VERSION in form.non_field_errors():
                name = form.add_prefix("version")
                return {name: form.data[name]}
    return {}


@pytest.fixture(scope="session", autouse=True)
def _quick_flush() -> Iterator[None]:
    """Empty the tables in milliseconds after a test that really commits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(autouse=True)
def _all_companies() -> Iterator[None]:
    """Let tests read every company's rows, and start each with an empty cache."""
    cache.clear()
    with scopes_disabled():
        yield


@pytest.fixture(autouse=True)
def _any_hour() -> Iterator[None]:
    """Let no test depend on the hour it runs at; `keep_quiet_hours(tenant)` turns them on.

    Not with the test's own monkeypatch: one that undoes its patches would bring them back.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TextRules._meta.get_field("quiet_hours"), "_get_default", lambda: False)
        yield


@pytest.fixture
def tenant(db: None) -> Tenant:
    """Harbor Plumbing & Heating, ready to text and be paid."""
    return make_ready_tenant()


@pytest.fixture
def clerk(tenant: Tenant) -> User:
    """Maya, in the office: may send."""
    return make_member(tenant, "Office", name="Maya Torres")


@pytest.fixture
def viewer(tenant: Tenant) -> User:
    """Victor, who may look but not send."""
    return make_member(tenant, "Viewer", name="Victor Lane")


@pytest.fixture
def admin_user(tenant: Tenant) -> User:
    """Alma, who runs the company's settings."""
    return make_member(tenant, "Administrator", name="Alma Reyes")


@pytest.fixture
def stranger(db: None) -> User:
    """Sam, administrator of another company."""
    return make_member(make_ready_tenant("Mesa Verde Electric"), "Administrator", name="Sam Stone")


@pytest.fixture
def support(db: None) -> User:
    """The platform's administrator."""
    return User.objects.create_superuser("support@textpay.example", "x" * 20, first_name="Support")


def signed_in(user: User) -> ScopedClient:
    """A browser in which `user` has signed in, and has just been seen."""
    client = ScopedClient()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session, now = client.session, int(time.time())
    session.update({BEGAN: now, SEEN: now})
    session.save()
    return client


@pytest.fixture
def browser_of() -> Any:
    """`browser_of(user)` gives a browser in which they have signed in."""
    return signed_in


@pytest.fixture
def payer(db: None) -> ScopedClient:
    """A browser nobody signed in to: whoever holds the phone."""
    return ScopedClient()
