"""Payment links: sixty calendar days, one live at a time, nothing useful in the database."""

import datetime as dt
import zoneinfo

import pytest
from django.db import connection
from freezegun import freeze_time

from audit.models import AuditEntry
from invoices import link_tokens
from invoices.models import InvoiceError, PaymentLink
from tests.factories import make_invoice, make_link, make_ready_tenant
from tests.race import run_together

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
VECTORS = [
    ("2026-01-15T10:00", "2026-03-16T14:00"),  # spring comes in between: not 1,440 hours
    ("2026-09-10T10:00", "2026-11-09T15:00"),  # autumn does
    ("2026-01-07T02:30", "2026-03-08T07:30"),  # 02:30 does not exist that night
]


def in_new_york(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(dt.UTC)


@pytest.mark.parametrize(("sent", "expires"), VECTORS)
def test_sixty_calendar_days_on_the_companys_clock(sent, expires):
    moment = link_tokens.sixty_days_later(in_new_york(sent), NEW_YORK)
    assert moment == dt.datetime.fromisoformat(expires).replace(tzinfo=dt.UTC)


@pytest.fixture
def frozen_database(monkeypatch):
    """Let the frozen clock be the database's too."""
    monkeypatch.setattr("audit.clock.link_now", lambda: dt.datetime.now(dt.UTC))


@pytest.mark.django_db
@pytest.mark.parametrize(("sent", "expires"), VECTORS)
def test_a_link_lives_up_to_its_last_microsecond(sent, expires, frozen_database):
    with freeze_time(in_new_york(sent)):
        link = make_link(make_invoice(make_ready_tenant(timezone="America/New_York")))
    end = dt.datetime.fromisoformat(expires).replace(tzinfo=dt.UTC)
    assert PaymentLink.objects.get(pk=link.pk).expires_at == end
    with freeze_time(end - dt.timedelta(microseconds=1)):
        assert link.is_live_at(dt.datetime.now(dt.UTC))
        assert PaymentLink.objects.expire_due() == 0
    with freeze_time(end):
        assert not link.is_live_at(dt.datetime.now(dt.UTC))
        assert PaymentLink.objects.expire_due() == 1
    link.refresh_from_db()
    assert (link.status, link.closed_at) == ("expired", end)


@pytest.mark.django_db
def test_the_sweep_leaves_one_entry_for_each_link(frozen_database):
    tenant = make_ready_tenant()
    with freeze_time("2026-01-01"):
        swept = [make_link(make_invoice(tenant)) for _ in range(7)]
    kept = make_link(make_invoice(tenant))
    with freeze_time("2026-06-01"):
        kept.expires_at = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
        kept.save()
        assert [PaymentLink.objects.expire_due(limit=5) for _ in range(3)] == [5, 2, 0]
    entries = AuditEntry.objects.filter(action="link.expired")
    assert sorted(e.subject for e in entries) == sorted(link.audit_subject for link in swept)
    assert {e.created_at for e in entries} == {dt.datetime(2026, 6, 1, tzinfo=dt.UTC)}
    assert {(e.tenant_id, e.data == {}, e.who) for e in entries} == {(tenant.pk, True, "Textpay")}


@pytest.mark.django_db
def test_a_new_link_supersedes_the_one_before():
    invoice = make_invoice()
    first, second = make_link(invoice), make_link(invoice)
    first.refresh_from_db()
    assert (first.status, second.status) == ("superseded", "live")
    assert first.token != second.token


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_leave_one_live_link():
    invoice = make_invoice()
    results = run_together(*[lambda: make_link(invoice)] * 20)
    assert not [r for r in results if isinstance(r, Exception)]
    assert PaymentLink.objects.filter(invoice=invoice).live().count() == 1


@pytest.mark.django_db
def test_nothing_to_pay_makes_no_link():
    draft = make_invoice(opened=False)
    with pytest.raises(InvoiceError, match="nothing to pay"):
        make_link(draft)


@pytest.mark.django_db
def test_expire_link_is_at_once_and_once(clerk):
    link = make_link(make_invoice(clerk.memberships.get().tenant))
    assert link.expire(actor=clerk) is True
    assert link.has_expired
    assert link.expire(actor=clerk) is False
    assert [e.who for e in AuditEntry.objects.filter(action="link.disabled")] == ["Maya Torres"]


@pytest.mark.django_db
def test_the_database_holds_nothing_that_opens_a_page():
    link = make_link(make_invoice())
    token = link.token
    assert link_tokens.TOKEN.match(token)
    assert PaymentLink.objects.opened_by(token) == link
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM invoices_paymentlink")
        row = cursor.fetchone()
        cursor.execute("SELECT data FROM audit_auditentry")
        history = cursor.fetchall()
    leaked = str([bytes(v) if isinstance(v, memoryview) else v for v in row]) + str(history)
    assert token not in leaked
    assert token[:7] not in leaked  # no more than the six characters staff see


@pytest.mark.django_db
def test_links_of_an_older_key_still_open_and_those_of_a_lost_key_do_not(settings):
    link = make_link(make_invoice())
    token, old = link.token, settings.LINK_KEYS
    settings.LINK_KEYS = ["a-newer-key-0123456789-0123456789ab", *old]
    assert PaymentLink.objects.opened_by(token) == link
    assert PaymentLink.objects.get(pk=link.pk).token == token
    settings.LINK_KEYS = ["a-newer-key-0123456789-0123456789ab"]
    assert PaymentLink.objects.opened_by(token) is None
    with pytest.raises(LookupError):
        PaymentLink.objects.get(pk=link.pk).token  # noqa: B018


@pytest.mark.parametrize("token", ["", "short", "x" * 23, "-" * 22, "é" * 22, "\0" * 22])
def test_malformed_tokens_ask_the_database_nothing(token):
    assert PaymentLink.objects.opened_by(token) is None


def test_a_hundred_thousand_tokens_are_all_different():
    made = {link_tokens.derive(link_tokens.new_nonce(), "key") for _ in range(100_000)}
    assert len(made) == 100_000
    assert {len(token) for token in made} == {22}
    assert set("".join(made)) == set(link_tokens.ALPHABET)


@pytest.mark.django_db
def test_the_address_is_the_configured_one(settings):
    settings.PUBLIC_BASE_URL = "https://pay.harbor.example"
    link = make_link(make_invoice())
    assert link.url == f"https://pay.harbor.example/p/{link.token}/"
