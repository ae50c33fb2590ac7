"""What a link opens, for whom, with which headers, and that looking changes nothing."""

import datetime as dt
import re
import uuid
import zoneinfo

import pytest
from bs4 import BeautifulSoup
from django.apps import apps
from freezegun import freeze_time

from payments.models import Payment, payment_state
from tests.factories import make_customer, make_invoice, make_link, make_ready_tenant, make_tenant
from tests.payments.conftest import address

pytestmark = pytest.mark.django_db
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
BOTS = [
    "facebookexternalhit/1.1 Facebot Twitterbot/1.0", "WhatsApp/2.23", "Googlebot/2.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 Safari/601.2.4",
]  # fmt: skip


def everything():
    """Every row of every table of ours."""
    return {
        model._meta.label: sorted(map(str, model._base_manager.values_list()))
        for model in apps.get_models()
        if model._meta.app_label in ("payments", "invoices", "sms", "audit", "customers", "tenants")
    }


def words_of(answer):
    return " ".join(BeautifulSoup(answer.content, "html.parser").get_text(" ").split())


def test_the_page_says_who_what_how_much_and_how(payer, link):
    page = words_of(payer.get(address(link)))
    due = link.invoice.due_on
    for words in (
        "Harbor Plumbing & Heating", "Pay Now", "$182.50", f"Due {due:%b} {due.day}, {due.year}",
        f"Invoice {link.invoice.number} for Dana", "Select Payment Method", "Debit/credit card",
        "Authorization",
        "I authorize Harbor Plumbing & Heating to charge $182.50 USD once", "Pay $182.50",
        "Refund policy", "14 Wharf Street, Gloucester, MA 01930, US", "(978) 555-0134",
    ):  # fmt: skip
        assert words in page


def test_nothing_of_the_customer_but_a_first_name(payer, tenant):
    customer = make_customer(
        tenant, "Dana Canaryname", mobile="+12025550177", email="canary@canary.example",
        street="77 Canary Road", city="Canaryville", note="canary note", postal="77777",
    )  # fmt: skip
    html = payer.get(address(make_link(make_invoice(customer=customer)))).content.decode()
    assert "Dana" in html
    for secret in ("anaryname", "555-0177", "2025550177", "canary", "77 Canary", "77777"):
        assert secret.lower() not in html.lower().replace("dana canary", "")


def test_title_and_preview_name_no_amount(payer, link):
    soup = BeautifulSoup(payer.get(address(link)).content, "html.parser")
    head = str(soup.head)
    assert soup.find("meta", property="og:title")["content"] == (
        "Secure payment page – Harbor Plumbing & Heating"
    )
    assert "182" not in head
    assert link.token not in head
    assert link.invoice.number not in head


def test_no_field_of_ours_is_for_card_data(payer, link):
    soup = BeautifulSoup(payer.get(address(link)).content, "html.parser")
    for field in soup.find_all("input"):
        assert not str(field.get("autocomplete", "")).startswith("cc-")
        if field.get("type") != "hidden":
            assert not re.search("card|pan|cvv|exp", field["name"])
    frame = soup.find("iframe", id="frame")
    assert "useexpiry=true" in frame["src"]
    assert "usecvv=true" in frame["src"]
    assert not soup.find("input", id="agree").has_attr("checked")
    assert not soup.find_all(style=True)
    inline = [script for script in soup.find_all("script") if not script.get("src")]
    assert [script["type"] for script in inline] == ["application/json"]  # data, never run


def test_the_headers_of_every_page(payer, link, settings):
    settings.CARDCONNECT_URL = "https://{site}.cardconnect.com"
    for path, source in ((address(link), "https://fts-uat.cardconnect.com"), ("/p/none/", None)):
        answer = payer.get(path)
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Robots-Tag"] == "noindex, nofollow, noarchive"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        policy = dict(
            part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        if source:
            assert policy["frame-src"] == source


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(payer, link, method):
    before = everything()
    for agent in BOTS:
        for path in (address(link), f"{address(link)}?method=ach", f"{address(link)}?format=json"):
            answer = getattr(payer, method)(path, headers={"User-Agent": agent})
            assert answer.status_code == 200
    assert everything() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_only_a_post_may_pay(payer, link, method):
    assert getattr(payer, method)(address(link)).status_code == 405


def test_a_post_without_our_form_is_refused(link, form):
    from tests.conftest import ScopedClient  # noqa: PLC0415  one strict browser for one test

    strict = ScopedClient(enforce_csrf_checks=True)
    assert strict.post(address(link), form).status_code == 403
    assert not Payment.objects.exists()


def test_all_unknown_addresses_get_one_and_the_same_page(payer, link):
    other = make_link(make_invoice(make_ready_tenant("Mesa Verde Electric")))
    paths = [
        "/p/0123456789012345678901/", "/p/short/", "/p/" + "x" * 300 + "/", "/p/%00%ff/",
        f"/p/{link.token[:-1]}/", f"/p/{link.token.swapcase()}/",
        f"/p/{other.token}/{uuid.uuid4()}/", f"{address(link)}{uuid.uuid4()}/",
    ]  # fmt: skip
    answers = [payer.get(path) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


def test_guessing_is_slowed_down_and_knowing_is_not(payer, link):
    statuses = [payer.get(f"/p/{n:022}/").status_code for n in range(14)]
    assert statuses == [404] * 10 + [429] * 4
    assert payer.get("/p/spoofed/", headers={"X-Forwarded-For": "8.8.8.8"}).status_code == 429
    assert payer.get(address(link)).status_code == 200


def test_anothers_receipt_needs_its_own_address(payer, link, tenant):
    other = make_link(make_invoice(tenant))
    payment = Payment.objects.create(
        tenant=tenant, invoice=link.invoice, link=link, key=uuid.uuid4(), method="card",
        amount=link.invoice.balance, merchid="1", status="captured", last4="1111", brand="Visa",
    )  # fmt: skip
    assert payer.get(f"{address(other)}{payment.public_id}/").status_code == 404
    payment.book()
    page = payer.get(address(link))
    assert "Already paid" in words_of(page)
    assert "ending 1111" not in page.content.decode()


def test_every_state_has_its_page(payer, tenant, clerk):
    def opened(change):
        link = make_link(make_invoice(tenant))
        change(link)
        return payer.get(address(link))

    expired = opened(lambda link: link.expire(actor=clerk))
    assert expired.status_code == 410
    assert "Link expired" in words_of(expired)
    assert "182.50" not in words_of(expired)
    assert "Dana" not in words_of(expired)
    assert "INV-" not in words_of(expired)
    replaced = opened(lambda link: make_link(link.invoice))
    assert "There is a newer text" in words_of(replaced)
    void = opened(
        lambda link: link.invoice.void(
            actor=None, reason="Typed twice", read_payments=payment_state
        )
    )
    assert "Nothing to pay" in words_of(void)
    assert "Typed twice" not in words_of(void)
    bare = make_link(make_invoice(make_tenant("Dockside Marina")))
    words = words_of(payer.get(address(bare)))
    assert "This invoice cannot be paid online" in words
    assert "Call (978) 555-0134" in words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("pending", "We are checking with the bank."),
        ("unknown", "Please do not pay again."),
        ("needs_attention", "A person is looking into this payment."),
    ],
)
def test_while_a_payment_is_open_nobody_may_pay(payer, link, form, status, words):
    Payment.objects.create(
        tenant=link.tenant, invoice=link.invoice, link=link, key=uuid.uuid4(), method="card",
        amount=link.invoice.balance, merchid="1", status=status, last4="1111", brand="Visa",
    )  # fmt: skip
    page = payer.get(address(link))
    assert words in words_of(page)
    assert "ending 1111" not in page.content.decode()
    assert payer.post(address(link), form).status_code == 409
    assert Payment.objects.count() == 1
    assert payer.get(f"{address(link)}?format=json").json()["state"] != "ready"


@pytest.fixture
def frozen_database(monkeypatch):
    """Let the frozen clock be the database's too."""

    def as_sql(self, compiler, connection, **context):
        return "%s::timestamptz", [dt.datetime.now(dt.UTC)]

    for place in ("audit.clock", "payments.checkout.claim", "payments.checkout.public"):
        monkeypatch.setattr(f"{place}.db_now", lambda: dt.datetime.now(dt.UTC))
    monkeypatch.setattr("audit.clock.DbNow.as_sql", as_sql)
    monkeypatch.setattr("audit.clock.DbNow.as_postgresql", as_sql, raising=False)


@pytest.mark.parametrize(
    ("sent", "expires"),
    [
        ("2026-01-15T10:00", "2026-03-16T14:00"),
        ("2026-09-10T10:00", "2026-11-09T15:00"),
        ("2026-01-07T02:30", "2026-03-08T07:30"),
    ],
)
def test_a_link_pays_up_to_its_last_microsecond(
    payer, tenant, form, gateway, frozen_database, sent, expires
):
    began = dt.datetime.fromisoformat(sent).replace(tzinfo=NEW_YORK).astimezone(dt.UTC)
    end = dt.datetime.fromisoformat(expires).replace(tzinfo=dt.UTC)
    with freeze_time(began):
        late, just = make_link(make_invoice(tenant)), make_link(make_invoice(tenant))
    assert late.expires_at == just.expires_at == end
    with freeze_time(end):
        assert payer.get(address(late)).status_code == 410
        assert payer.post(address(late), form).status_code == 410
        assert gateway.charges() == []
    with freeze_time(end - dt.timedelta(microseconds=1)):
        assert payer.get(address(just)).status_code == 200
        assert payer.post(address(just), form | {"key": str(uuid.uuid4())}).status_code == 302
    assert len(gateway.taken()) == 1


def test_the_number_of_queries_is_fixed(payer, link, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):
        payer.get(address(link))
