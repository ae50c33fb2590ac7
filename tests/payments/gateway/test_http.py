"""The wire: what is told apart, how long it is waited for, and what is never told."""

import logging
import re
import socket
import threading
import time
import traceback
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.views.debug import ExceptionReporter

from payments.gateway import client, http
from payments.gateway.http import NotSent, Unknown
from tests.payments.gateway.http_fakes import PASSWORD, TOKEN, USERNAME, make_account, make_payment
from tests.workers import free_port

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


@contextmanager
def dripping(head):
    """A gateway that sends `head`, then a byte every 20 ms for as long as anybody listens."""
    server, gone = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve():
        line, _ = server.accept()
        with line:
            line.recv(65536)
            try:
                line.sendall(head)
                while True:
                    line.sendall(b" ")
                    time.sleep(0.02)
            except OSError:
                gone.set()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}", gone
    server.close()


@pytest.mark.parametrize("head", [HEAD, b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_one_byte_a_second_is_cut_off(settings, monkeypatch, head):
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 0.5)
    with dripping(head) as (url, _):
        settings.CARDCONNECT_URL = url
        with pytest.raises(Unknown):
            http.call(make_account(), "GET", "inquire/1/2")


def test_a_body_without_end_is_hung_up_on(settings, monkeypatch):
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 0.5)
    with dripping(HEAD) as (url, gone):
        settings.CARDCONNECT_URL = url
        with pytest.raises(Unknown):
            http.call(make_account(), "GET", "inquire/1/2")
        assert gone.wait(10)


def test_a_flood_is_cut_off(settings, monkeypatch):
    monkeypatch.setattr(http, "MAX_BODY", 5)
    with dripping(HEAD) as (url, gone):
        settings.CARDCONNECT_URL = url
        with pytest.raises(Unknown, match="does not end"):
            http.call(make_account(), "GET", "inquire/1/2")
        assert gone.wait(10)


def test_nobody_there_proves_that_nothing_was_sent(settings):
    settings.CARDCONNECT_URL = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NotSent):
        client.auth(make_payment(), TOKEN)


@pytest.mark.django_db
def test_credentials_that_do_not_open_send_nothing(says, tenant):
    account = tenant.cardconnect
    account.password_sealed = "sealed with a key that is gone"
    with pytest.raises(NotSent, match="cannot be opened"):
        http.call(account, "PUT", "auth", {})
    assert not says.mock.calls


def test_a_redirect_is_not_followed(says):
    says("", 302, Location="https://elsewhere.test/cardconnect/rest/auth")
    with pytest.raises(Unknown, match="HTTP 302"):
        client.auth(make_payment(), TOKEN)
    assert len(says.mock.calls) == 1


def test_too_many_calls_are_unknown_and_logged_with_the_pause(says, caplog):
    says("", 429, **{"X-Rate-Limit-Retry-After-Seconds": "17"})
    with pytest.raises(Unknown, match="HTTP 429"):
        client.inquire(make_payment())
    assert "again after 17 seconds" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"respstat": "A"',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"amount": NaN}',
        b"1" * 5000,
    ],
)
def test_what_is_not_json_is_unknown(body):
    with pytest.raises(Unknown):
        http.read_json(200, body)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (" 29 ", "29"), (29, "29"), (Decimal("1.50"), "1.50"), (None, ""), (True, ""), ([], ""),
        ({}, ""), ("a\x00b\ud800\n", "ab"), ("x" * 300, "x" * 256),
    ],
)  # fmt: skip
def test_a_field(value, told):
    assert http.field({"name": value}, "name") == told
    assert http.field([value], "name") == ""


@pytest.mark.parametrize(
    ("value", "yes"),
    [(True, True), ("Y", True), (" y ", True), ("true", True), (False, False), ("N", False),
     ("", False), (None, False), (1, False)],
)  # fmt: skip
def test_a_flag(value, yes):
    assert http.flag({"enabled": value}, "enabled") is yes


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("182.50", "182.50"), (" 0.5 ", "0.50"), ("-1.00", "-1.00"), (Decimal("9.99"), "9.99"),
        ("1000", None), (1000, None), ("1,000.00", None), ("1.005", None), ("1e3", None),
        ("NaN", None), ("99999999999.00", None), ("١.٠٠", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_an_amount_has_a_point(value, amount):
    assert http.money({"amount": value}, "amount") == (amount and Decimal(amount))


@pytest.mark.parametrize("told", ["20261122", "20261122143000", "2026-11-22"])
def test_a_day(told):
    assert http.day({"date": told}, "date").isoformat() == "2026-11-22"
    assert http.day({"date": "soon"}, "date") is None


def calls():
    payment, account = make_payment(), make_account()
    return [
        lambda: client.auth(payment, TOKEN, expiry="203012"),
        lambda: client.surcharge(account, TOKEN, "03801", Decimal("10.00")),
        lambda: client.refund(payment, Decimal("1.00"), "RFNDBCDFGH"),
    ]


def unreachable(settings, says):
    settings.CARDCONNECT_URL = f"http://127.0.0.1:{free_port()}"


def broken(settings, says):
    says("<html>" + TOKEN + PASSWORD)


def refused(settings, says):
    says("", 500)


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("trouble", [unreachable, broken, refused])
def test_nothing_secret_is_told(settings, says, caplog, which, trouble):
    caplog.set_level(logging.DEBUG)
    trouble(settings, says)
    says.mock.add_passthru(re.compile(r"http://127\.0\.0\.1"))
    with pytest.raises((NotSent, Unknown)) as caught:
        calls()[which]()
    error = caught.value
    page = ExceptionReporter(None, type(error), error, error.__traceback__).get_traceback_text()
    chain = "".join(traceback.format_exception(error))
    told = caplog.text + chain + page + repr(error)
    for secret in (TOKEN, PASSWORD, USERNAME):
        assert secret not in told
