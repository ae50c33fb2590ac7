"""Every way the gateway can misbehave, and that our books end up saying what its own books say."""

import itertools
import socket
import threading
import uuid

import pytest

from audit.models import AuditEntry
from payments.checkout import charge as charging
from payments.gateway import client, http
from payments.models import NOT_FOUND_AFTER, Payment, payment_state
from payments.staff.cash import record_by_hand
from payments.tasks import settle_unknown
from tests.factories import make_invoice, make_link
from tests.payments.conftest import PARTIAL, address, sweep_after
from tests.workers import free_port

pytestmark = pytest.mark.django_db

BEFORE = ["refuse", "drop_before", "http_401", "http_429", "http_500", "http_503"]
AFTER = ["drop_after", "html", "empty", "truncated", "http_401_after", "http_500_after"]
LATE = ["timeout_62_authorized"]


def books_agree(gateway):
    """What we booked is what the gateway took and kept: same order, reference and cents."""
    ours = {
        (p.orderid, p.retref, f"{p.amount:.2f}") for p in Payment.objects.booked().select_related()
    }
    theirs = {(c["orderid"], c["retref"], c["amount"]) for c in gateway.taken()}
    assert ours == theirs
    for payment in Payment.objects.booked():
        assert payment.invoice.paid == payment.invoice.payments.booked_total()


def by_hand(invoice, clerk):
    """A check for the whole balance that came to the office."""
    record_by_hand(
        invoice,
        method="check",
        amount=invoice.balance,
        document="1042",
        received_on=invoice.issued_on,
        actor=clerk,
        key=uuid.uuid4(),
    )


@pytest.mark.parametrize("fault", BEFORE)
def test_a_call_that_never_took_effect_ends_without_a_charge(payer, link, form, gateway, fault):
    gateway.fault("auth", fault)
    page = payer.post(address(link), form, follow=True)
    payment = Payment.objects.get()
    assert payment.status == "unknown"
    assert "Please do not pay again." in page.content.decode()
    assert sweep_after(payment, 60).status == "unknown"  # too early to believe "not found"
    assert sweep_after(payment, 91).status == "not_charged"
    assert gateway.charges() == []
    page = payer.get(f"{address(link)}{payment.public_id}/").content.decode()
    assert "No money has been taken." in page
    payer.post(address(link), form | {"key": str(uuid.uuid4())})
    assert len(gateway.taken()) == 1
    books_agree(gateway)


@pytest.mark.parametrize("fault", AFTER + LATE)
def test_a_charge_whose_answer_was_lost_is_found_and_booked(payer, link, form, gateway, fault):
    gateway.fault("auth", fault)
    payer.post(address(link), form)
    payment = Payment.objects.get()
    assert payment.status == "unknown"
    again = payer.post(address(link), form | {"key": str(uuid.uuid4())})
    assert again.status_code == 409
    assert sweep_after(payment, 46).status == "captured"
    assert len(gateway.charges()) == 1
    books_agree(gateway)
    link.invoice.refresh_from_db()
    assert link.invoice.status == "paid"


def test_a_processor_that_timed_out_is_unknown_until_it_is_certain(payer, link, form, gateway):
    payer.post(address(link), form | {"token": gateway.token("4999006200620062")})
    payment = Payment.objects.get()
    assert payment.status == "unknown"
    assert sweep_after(payment, 60).status == "unknown"
    assert sweep_after(payment, 120).status == "not_charged"
    assert gateway.taken() == []
    page = payer.get(f"{address(link)}{payment.public_id}/").content.decode()
    assert "The payment processor did not complete it. Please try again." in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda link, clerk: by_hand(link.invoice, clerk), "Nothing is left to pay."),
        (
            lambda link, clerk: link.invoice.void(
                actor=None, reason="x", read_payments=payment_state
            ),
            "There is nothing to pay.",
        ),
    ],
)
def test_nobody_is_asked_to_try_again_when_nothing_is_left_to_pay(
    payer, link, form, gateway, clerk, change, words
):
    gateway.fault("auth", "drop_before")
    payer.post(address(link), form)
    payment = sweep_after(Payment.objects.get(), 120)
    change(link, clerk)
    page = payer.get(f"{address(link)}{payment.public_id}/").content.decode()
    assert "No money has been taken." in page
    assert words in page
    assert "try again" not in page


def test_who_may_still_pay_another_way_is_told_how(payer, link, form, gateway):
    payer.post(address(link), form | {"token": gateway.token("4387751111111053")})
    payment = Payment.objects.get()
    make_link(link.invoice)
    page = payer.get(f"{address(link)}{payment.public_id}/").content.decode()
    assert "There is not enough money available." in page
    assert "sent you a newer one. Open that one to pay." in page


def test_a_gateway_nobody_can_reach_took_nothing(payer, link, form, gateway, settings):
    settings.CARDCONNECT_URL = f"http://127.0.0.1:{free_port()}"
    page = payer.post(address(link), form, follow=True).content.decode()
    payment = Payment.objects.get()
    assert payment.status == "not_charged"
    assert "No money has been taken." in page
    assert "Select Payment Method" in page  # and may be tried again at once
    settings.CARDCONNECT_URL = gateway.sandbox.url
    payer.post(address(link), form | {"key": str(uuid.uuid4())})
    assert len(gateway.taken()) == 1


@pytest.fixture
def dripping():
    """A gateway that sends one byte, and then another, and never comes to an end."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve():
        line, _ = server.accept()
        line.recv(65536)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        try:
            while not stop.wait(0.05):
                line.sendall(b" ")
        except OSError:
            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    stop.set()
    thread.join()
    server.close()


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_only_drips_is_cut_off(payer, link, form, settings, dripping, monkeypatch):
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 0.4)
    settings.CARDCONNECT_URL = dripping
    payer.post(address(link), form)
    assert Payment.objects.get().status == "unknown"


def test_a_gateway_that_stays_silent_is_asked_less_and_less(payer, link, form, gateway):
    gateway.fault("auth", "drop_after")
    payer.post(address(link), form)
    payment = Payment.objects.get()
    gateway.fault("inquireByOrderid", "http_500", times=4)
    pauses = []
    for _ in range(4):
        payment = sweep_after(payment, 3600)
        assert payment.status == "unknown"
        pauses.append(payment.next_inquiry_at)
    gaps = [round((later - now).total_seconds() / 60) for now, later in itertools.pairwise(pauses)]
    assert gaps[0] >= 3  # one minute, then five
    assert gaps[1] >= 54
    assert gaps[2] >= 1300
    assert settle_unknown() == 0  # not its turn
    assert sweep_after(payment, 3600).status == "captured"
    books_agree(gateway)


def test_nobody_asks_before_the_gateway_must_have_answered(payer, link, form, gateway):
    gateway.fault("auth", "drop_after")
    payer.post(address(link), form)
    assert sweep_after(Payment.objects.get(), 44).inquiries == 0


@pytest.mark.parametrize("step", ["started", "sent", "charged"])
def test_a_crash_after_any_commit_is_healed(link, form, gateway, step, monkeypatch, payer):
    """Each step is a commit; the process dies after it, and the sweep settles with the gateway."""
    if step == "charged":
        monkeypatch.setattr(charging, "record_outcome", lambda payment, answer: None)
    elif step == "sent":
        monkeypatch.setattr(client, "auth", lambda *args, **kwargs: 1 / 0)
    else:
        monkeypatch.setattr(charging, "charge", lambda *args, **kwargs: 1 / 0)
    payer.raise_request_exception = False
    payer.post(address(link), form)
    monkeypatch.undo()
    from django.conf import settings  # noqa: PLC0415  monkeypatch.undo() took the address away

    settings.CARDCONNECT_URL = gateway.sandbox.url
    payment = Payment.objects.get()
    assert (payment.status, payment.sent_at is None) == ("pending", step == "started")
    expected = "captured" if step == "charged" else "not_charged"
    assert sweep_after(payment, NOT_FOUND_AFTER.total_seconds() + 1).status == expected
    assert len(gateway.taken()) == (1 if step == "charged" else 0)
    books_agree(gateway)


def test_the_other_amount_is_given_back_and_never_booked(payer, link, form, gateway):
    page = payer.post(
        address(link), form | {"token": gateway.token(PARTIAL)}, follow=True
    ).content.decode()
    payment, [charge] = Payment.objects.get(), gateway.charges()
    assert (payment.status, charge["setlstat"]) == ("declined", "Voided")
    assert "approved $5.00 instead of $182.50" in page
    link.invoice.refresh_from_db()
    assert link.invoice.paid == 0


def test_an_other_amount_that_cannot_be_given_back_waits_for_a_person(payer, link, form, gateway):
    gateway.fault("void", "http_500")
    page = payer.post(
        address(link), form | {"token": gateway.token(PARTIAL)}, follow=True
    ).content.decode()
    payment = Payment.objects.get()
    assert payment.status == "needs_attention"
    assert "Please do not pay again." in page
    assert payer.post(address(link), form | {"key": str(uuid.uuid4())}).status_code == 409
    charging.inquire(payment)  # Support's "Check with CardConnect again"
    payment.refresh_from_db()
    assert payment.status in ("declined", "not_charged")
    assert gateway.taken() == []


def test_two_charges_under_one_order_number_leave_one(payer, link, form, gateway):
    gateway.fault("auth", "drop_after")
    payer.post(address(link), form)
    payment = Payment.objects.get()
    client.auth(payment, form["token"], expiry="203012")  # a gateway that did it twice
    assert len(gateway.taken()) == 2
    assert sweep_after(payment, 46).status == "captured"
    books_agree(gateway)


def test_a_late_no_does_not_undo_what_was_booked(payer, link, form, gateway):
    payer.post(address(link), form)
    payment = Payment.objects.get()
    charging.record_outcome(payment, client.Declined("PPS", "29", "Txn not found", "No."))
    payment.refresh_from_db()
    assert payment.status == "captured"
    assert not payment.mark_unknown()
    books_agree(gateway)


def test_money_that_turns_up_after_all_is_booked(payer, link, form, gateway):
    gateway.fault("auth", "drop_after")
    payer.post(address(link), form)
    payment = Payment.objects.get()
    payment.not_charged("The payment never arrived.")
    [answer] = client.inquire_by_orderid(payment) or []
    charging.record_outcome(payment, answer)
    charging.record_outcome(payment, answer)
    books_agree(gateway)
    assert AuditEntry.objects.filter(action="payment.captured").count() == 1


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("4387751111111053", "There is not enough money available."),
        ("4387751111111046", "The card has expired"),
        ("4387751111111038", "The bank did not give a reason."),
        ("4387751111111020", "The bank wants to speak with you first."),
    ],
)
def test_a_decline_says_what_to_do(payer, link, form, gateway, card, words, clerk, browser_of):
    page = payer.post(address(link), form | {"token": gateway.token(card)}, follow=True)
    html = page.content.decode()
    assert "Your card was declined" in html
    assert "No money has been taken." in html
    assert words in html
    payment, [charge] = Payment.objects.get(), gateway.charges()
    assert (payment.status, charge["setlstat"]) == ("declined", "Declined")
    assert payment.resptext not in html
    staff = browser_of(clerk).get(f"/invoices/{link.invoice.public_id}/").content.decode()
    assert payment.respcode in staff
    assert payment.resptext in staff
    payer.post(address(link), form | {"key": str(uuid.uuid4())})
    books_agree(gateway)


def test_six_declines_in_an_hour_are_one_too_many(payer, link, form, gateway):
    bad = form | {"token": gateway.token("4387751111111038")}
    for _ in range(5):
        payer.post(address(link), bad | {"key": str(uuid.uuid4())})
    answer = payer.post(address(link), form | {"key": str(uuid.uuid4())})
    assert answer.status_code == 409
    assert "too many declined attempts" in answer.content.decode()
    assert len(gateway.charges()) == 5
    assert gateway.taken() == []


def test_a_card_that_was_refused_for_good_is_not_tried_again(payer, link, form, gateway):
    payer.post(address(link), form | {"token": gateway.token("4387751111111038")})
    payment = Payment.objects.get()
    Payment.objects.update(may_retry=False)
    again = {"token": gateway.token("4387751111111038"), "key": str(uuid.uuid4())}
    answer = payer.post(address(link), form | again)
    assert "cannot be used here again" in answer.content.decode()
    assert len(gateway.charges()) == 1
    assert payment.fingerprint not in ("", again["token"])


def test_after_every_mixture_of_faults_the_books_agree(payer, tenant, form, gateway):
    for auth, inquiry in itertools.product(
        ("drop_before", "drop_after", "html", "timeout_62_authorized"),
        ("http_500", "empty", "drop_before"),
    ):
        link = make_link(make_invoice(tenant))
        gateway.fault("auth", auth)
        payer.post(address(link), form | {"key": str(uuid.uuid4())})
        payment = Payment.objects.get(link=link)
        gateway.fault("inquireByOrderid", inquiry)
        assert sweep_after(payment, 100).status == "unknown"
        assert sweep_after(payment, 200).status in ("captured", "not_charged")
    books_agree(gateway)
