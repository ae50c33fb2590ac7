"""**Opened** is said of people only: every fetch of a link leaves it unopened."""

import re
import uuid

import pytest
from django.test import Client

from audit.models import AuditEntry
from payments.checkout.request_guard import OPENINGS
from tests.conftest import ScopedClient
from tests.factories import make_invoice, make_link, make_ready_tenant
from tests.payments.conftest import address

pytestmark = pytest.mark.django_db
PERSON = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1"
)
FETCHERS = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko)"
    " Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "Mozilla/5.0 (Linux; Android) AppleWebKit/537.36 (compatible; Google-PageRenderer Google)",
    "WhatsApp/2.23.20.0 A",
    "TelegramBot (like TwitterBot)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/534.57 BingPreview/1.0b",
    # Scanners of carriers and companies call themselves an old browser.
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/83.0.4103.61 Safari/537.36",
    "",
]


@pytest.fixture
def phone(payer):
    """A person's browser; the form's secret is checked, as it is for real ones."""
    return ScopedClient(enforce_csrf_checks=True, headers={"User-Agent": PERSON})


def parts(page):
    """What the page's script sends: the nonce and the form's secret."""
    text = page.content.decode()
    nonce = re.search(r'data-nonce="([^"]+)"', text)
    secret = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
    return {"nonce": nonce[1] if nonce else "", "csrfmiddlewaretoken": secret[1]}


def tell(browser, link, data, **headers):
    return browser.post(f"{address(link)}opened/", data, headers=headers)


def openings(link):
    link.refresh_from_db()
    entries = AuditEntry.objects.about(link.audit_subject).filter(action="link.opened")
    assert bool(link.opened_at) == entries.exists()
    return entries.count()


def test_a_person_opens_it_once(phone, link):
    data = parts(phone.get(address(link)))
    for _ in range(3):
        assert tell(phone, link, data).status_code == 204
    assert openings(link) == 1
    entry = AuditEntry.objects.about(link.audit_subject).get(action="link.opened")
    assert entry.who == "customer"
    assert link.token not in str(entry.data)
    assert parts(phone.get(address(link)))["nonce"] == ""


def test_five_hundred_fetches_change_nothing(payer, link):
    for number in range(500):
        agent = FETCHERS[number % len(FETCHERS)]
        headers = {"User-Agent": agent} | ({"Sec-Purpose": "prefetch"} if number % 7 == 0 else {})
        ask = payer.head if number % 5 == 0 else payer.get
        assert ask(address(link), headers=headers).status_code == 200
        if number % 20 == 0:
            guess = {"nonce": uuid.uuid4().hex} if number % 40 else {}
            assert tell(payer, link, guess, **headers).status_code == 204
    assert openings(link) == 0


@pytest.mark.parametrize("agent", FETCHERS[:-2])
def test_a_fetcher_that_runs_scripts_is_no_person(phone, link, agent):
    data = parts(phone.get(address(link)))
    assert tell(phone, link, data, **{"User-Agent": agent}).status_code == 204
    assert openings(link) == 0


def test_a_page_that_was_fetched_ahead_is_not_opened(phone, link):
    data = parts(phone.get(address(link)))
    tell(phone, link, data, **{"Sec-Purpose": "prefetch;prerender"})
    assert openings(link) == 0


def test_a_colleague_who_looks_is_not_the_customer(browser_of, clerk, link):
    staff = browser_of(clerk)
    page = staff.get(address(link))
    assert 'id="opening"' not in page.content.decode()
    anybody = parts(Client(headers={"User-Agent": PERSON}).get(address(link)))
    tell(staff, link, anybody, **{"User-Agent": PERSON})
    assert openings(link) == 0


def test_a_stranger_who_works_elsewhere_may_be_the_customer(browser_of, stranger, link):
    browser = browser_of(stranger)
    data = parts(browser.get(address(link), headers={"User-Agent": PERSON}))
    tell(browser, link, data, **{"User-Agent": PERSON})
    assert openings(link) == 1


def test_the_nonce_of_another_link_does_not_count(phone, link, tenant):
    other = make_link(make_invoice(make_ready_tenant("Other")))
    data = parts(phone.get(address(link)))
    assert tell(phone, other, data).status_code == 204
    assert openings(other) == 0


@pytest.mark.parametrize("nonce", ["", "x", "a:b:c", "W10:1:2", "\x00", "9" * 4000])
def test_garbage_is_no_nonce(phone, link, nonce):
    data = parts(phone.get(address(link))) | {"nonce": nonce}
    assert tell(phone, link, data).status_code == 204
    assert openings(link) == 0


def test_without_the_forms_secret_nothing_happens(phone, link):
    data = parts(phone.get(address(link)))
    assert tell(phone, link, {"nonce": data["nonce"]}).status_code == 403
    assert openings(link) == 0


def test_only_post(phone, link):
    assert phone.get(f"{address(link)}opened/").status_code == 405


def test_too_many_reports_are_not_heard(payer, link):
    codes = [tell(payer, link, {}).status_code for _ in range(OPENINGS.limit + 1)]
    assert codes[-2:] == [204, 429]


def test_whoever_pays_has_opened_it(payer, link, form):
    payer.post(address(link), form | {"token": ""}, headers={"User-Agent": PERSON})
    assert openings(link) == 1
