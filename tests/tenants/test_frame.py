"""What all pages share: icons, money, times in the company's zone, the brand, the error pages."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import Client

from tenants.models import Tenant
from tenants.templatetags import ui
from tests.addresses import reverse
from tests.conftest import signed_in

MORNING = dt.datetime(2026, 11, 23, 15, 14, 3, tzinfo=dt.UTC)


def render(source: str, **context: Any) -> str:
    """A few words of template, with the frame's tags."""
    return Template("{% load ui %}" + source).render(Context(context))


def test_every_icon_named_in_a_template_is_drawn() -> None:
    named = set()
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        named |= set(re.findall(r'{% icon "(\w+)"', path.read_text()))
        named |= set(re.findall(r'{% chip "\w*" "(\w+)"', path.read_text()))
    assert len(named) > 20
    assert named <= set(ui.drawings())


def test_pages_hold_no_inline_script_or_style() -> None:
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        if path.name.startswith("email") or "email" in path.parent.name:
            continue  # mail programs know nothing but inline styles
        source = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", source), path


@pytest.mark.parametrize(
    ("amount", "words"),
    [("1640", "$1,640.00"), ("0", "$0.00"), ("-5.5", "−$5.50"), ("0.05", "$0.05")],
)
def test_money(amount: str, words: str) -> None:
    assert ui.money(Decimal(amount)) == words


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("America/New_York", "Mon, Nov 23, 2026, 10:14 AM EST"),
        ("America/Los_Angeles", "Mon, Nov 23, 2026, 7:14 AM PST"),
        ("UTC", "Mon, Nov 23, 2026, 3:14 PM UTC"),
    ],
)
def test_times_are_the_companys(zone: str, words: str) -> None:
    shown = render("{% when moment %}", moment=MORNING, tenant=Tenant(timezone=zone))
    assert words in shown
    assert 'datetime="2026-11-23T' in shown


@pytest.mark.django_db
def test_the_brand_is_one_line_that_anybody_may_read(payer: Any) -> None:
    answer = payer.get(reverse("tenants:brand_css", args=["ffcc00"]))
    assert answer.content == b":root{--brand:#ffcc00}"
    assert answer["Content-Type"].startswith("text/css")
    for color in ("nobody", "red}*{x", "ffcc00ff"):
        assert payer.get(reverse("tenants:brand_css", args=[color])).status_code == 404


@pytest.mark.django_db
def test_pages_of_staff_are_not_stored(clerk: Any, support: Any, payer: Any) -> None:
    for page in ("/", "/invoices/", "/customers/new/", "/api/v1/invoices/"):
        assert signed_in(clerk).get(page)["Cache-Control"] == "private, no-store"
    admin = signed_in(support).get("/admin/")
    assert "no-store" in admin["Cache-Control"]
    assert "immutable" in payer.get(reverse("tenants:brand_css", args=["ffcc00"]))["Cache-Control"]


def test_static_files_carry_the_headers_of_pages(client: Any) -> None:
    for page in ("/static/css/app.css", "/healthz"):
        headers = client.get(page).headers
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
def test_error_pages_speak_to_people(clerk: Any) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    assert "Page not found" in client.get("/nothing.php").content.decode()
    client.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(reverse("customers:create"), {"name": "Forged"})
    assert answer.status_code == 403
    assert "This page was open too long" in answer.content.decode()
    assert "If you were paying a bill" in render_to_string("500.html")
