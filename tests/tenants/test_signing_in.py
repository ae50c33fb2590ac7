"""Guessing passwords is bounded, and nobody can keep another person signed out by it."""

import pytest
from django.core import mail
from django.test import Client

from tenants import adapter
from tenants.models import User
from tenants.rate_limit import RateLimit
from tests.addresses import reverse
from tests.factories import PASSWORD
from tests.race import run_together

pytestmark = pytest.mark.django_db
HOME, ELSEWHERE = "203.0.113.9", "198.51.100.7"
SESSION_COOKIE = "textpay"


@pytest.fixture(autouse=True)
def _one_proxy(settings):
    settings.TRUSTED_PROXIES = settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1


def sign_in(user, ip, password="a guess"):
    """What the sign-in page answers to somebody at this address."""
    form = {"login": user.email, "password": password}
    # What a client writes into the header itself does not count: the proxy adds the last one.
    forwarded = {"X-Forwarded-For": f"10.0.0.1, {ip}"}
    return Client().post(reverse("account_login"), form, headers=forwarded)


@pytest.fixture
def bound(monkeypatch):
    """Another limit an hour for one person's password, tried from anywhere."""

    def to(limit):
        monkeypatch.setattr(adapter, "BY_PERSON", RateLimit("test", limit=limit, window=3600))

    return to


@pytest.mark.parametrize("page", ["account_login", "account_reset_password"])
def test_labels_are_not_repeated_inside_the_fields(page):
    html = Client().get(reverse(page)).content.decode()
    assert "<label" in html
    assert "placeholder" not in html


def test_nobody_is_offered_to_be_remembered(clerk):
    assert "remember" not in Client().get(reverse("account_login")).content.decode().lower()
    answer = Client().post(
        reverse("account_login"), {"login": clerk.email, "password": PASSWORD, "remember": "on"}
    )
    assert answer.status_code == 302
    assert answer.cookies[SESSION_COOKIE]["expires"] == ""  # gone when the browser is closed


def test_who_guesses_keeps_only_themselves_out(clerk):
    for _ in range(5):
        assert "not correct" in sign_in(clerk, ELSEWHERE).content.decode()
    for password in ("a guess", PASSWORD):
        answer = sign_in(clerk, ELSEWHERE, password)
        assert answer.status_code == 200
        assert "Too many failed login attempts" in answer.content.decode()
    assert sign_in(clerk, HOME, PASSWORD).status_code == 302


def test_neighbours_in_one_ipv6_network_are_one(clerk):
    for host in range(5):
        sign_in(clerk, f"2001:db8::{host + 1:x}")
    assert sign_in(clerk, "2001:db8::ff", PASSWORD).status_code == 200
    assert sign_in(clerk, "2001:db8:1::1", PASSWORD).status_code == 302


def test_guessing_from_many_addresses_is_bounded(clerk, stranger, bound):
    bound(20)
    for host in range(20):
        assert "not correct" in sign_in(clerk, f"198.51.100.{host}").content.decode()
    answer = sign_in(clerk, "198.51.100.77", PASSWORD)
    assert "Too many failed login attempts" in answer.content.decode()
    assert sign_in(stranger, HOME, PASSWORD).status_code == 302


def test_signing_in_rightly_does_not_count(clerk, bound):
    bound(3)
    for _ in range(8):
        assert sign_in(clerk, HOME, PASSWORD).status_code == 302


def test_a_new_password_by_mail_lets_its_owner_in(clerk, settings, bound):
    bound(5)
    for _ in range(5):
        sign_in(clerk, ELSEWHERE)
    home = {"X-Forwarded-For": HOME}
    browser = Client(headers=home)
    browser.post(reverse("account_reset_password"), {"email": clerk.email})
    (message,) = mail.outbox
    link = next(word for word in message.body.split() if "/password/reset/key/" in word)
    page = browser.get(link.removeprefix(settings.PUBLIC_BASE_URL), follow=True)
    new = {"password1": "another horse battery", "password2": "another horse battery"}
    browser.post(page.redirect_chain[-1][0], new)
    assert sign_in(clerk, HOME, "another horse battery").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_of_thirty_wrong_passwords_at_once_five_are_checked(clerk):
    def guess():
        return "not correct" in sign_in(clerk, ELSEWHERE).content.decode()

    answers = run_together(*[guess] * 30)
    assert sorted(answers) == [False] * 25 + [True] * 5
    assert sign_in(clerk, HOME, PASSWORD).status_code == 302


def test_wrong_passwords_for_many_people_from_one_address_are_bounded():
    people = [User.objects.create_user(f"person{number}@example.com") for number in range(11)]
    answers = [sign_in(person, ELSEWHERE).content.decode() for person in people]
    assert ["not correct" in answer for answer in answers] == [True] * 10 + [False]
