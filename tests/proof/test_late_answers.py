"""An answer of the gateway's is held up until others have heard it and gone on: a table of stories.

What is learned late must not undo what happened meanwhile. The steps are the state machine's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection  # noqa: F401  a mark reads it
from django_scopes import scopes_disabled

from tests.payments.conftest import PARTIAL
from tests.proof.test_machine import Machine
from tests.proof.test_machine import pytestmark as pytestmark


def paid(machine: Machine, fault: str = "") -> None:
    machine.begin("card", "")
    machine.submit("card", fault, stale=False)


def given_back(machine: Machine, fault: str, part: bool = False) -> None:
    machine.give_back(part, fault, released=True)


def card_to_settle(machine: Machine) -> None:
    paid(machine)
    machine.close_the_batch(reject=False, fund=True)


def card_rejected(machine: Machine) -> None:
    paid(machine)
    machine.close_the_batch(reject=True, fund=False)


def bank_payment_to_clear(machine: Machine) -> None:
    machine.begin("ach", "settled")


def bank_payment_returned(machine: Machine) -> None:
    machine.begin("ach", "settled")
    machine.the_bank_returns_it("R01", heard=False)


def charge_without_an_answer(machine: Machine) -> None:
    paid(machine, fault="drop_after")


def charge_committed_late(machine: Machine) -> None:
    paid(machine, fault="late_commit")


def charge_that_never_arrived(machine: Machine) -> None:
    paid(machine, fault="drop_before")


def part_approved_and_void_not_confirmed(machine: Machine) -> None:
    machine.begin("card", "")
    machine.tokens["card"] = machine.gateway.token(PARTIAL)
    machine.gateway.fault("void", "http_500")
    machine.submit("card", "", stale=False)


def void_without_an_answer(machine: Machine) -> None:
    paid(machine)
    given_back(machine, "drop_after")


def void_that_came_too_late(machine: Machine) -> None:
    paid(machine)
    given_back(machine, "drop_before")
    machine.close_the_batch(reject=False, fund=False)


def refund_without_an_answer(machine: Machine) -> None:
    machine.begin("card", "settled")
    given_back(machine, "drop_after")


def part_given_back_without_an_answer(machine: Machine) -> None:
    machine.begin("ach", "funded")
    given_back(machine, "http_500_after", part=True)


# What came before, and to which question the answer is held up.
STORIES: dict[Callable[[Machine], None], list[str]] = {
    card_to_settle: ["inquire"],
    card_rejected: ["inquire"],
    bank_payment_to_clear: ["inquire", "funding"],
    bank_payment_returned: ["funding"],
    charge_without_an_answer: ["inquireByOrderid"],
    charge_committed_late: ["inquireByOrderid"],
    charge_that_never_arrived: ["inquireByOrderid"],
    part_approved_and_void_not_confirmed: ["inquireByOrderid", "void"],
    void_without_an_answer: ["inquire"],
    void_that_came_too_late: ["inquire", "refund"],
    refund_without_an_answer: ["inquireByOrderid"],
    part_given_back_without_an_answer: ["inquireByOrderid"],
}
BY_BANK = {bank_payment_to_clear, bank_payment_returned, part_given_back_without_an_answer}


def cases() -> Iterator[Any]:
    for story, questions in STORIES.items():
        for what in questions:
            for then in ("", "office", "bank" if story in BY_BANK else "payer"):
                yield pytest.param(story, what, then, id=f"{story.__name__}-{what}-{then}")


@pytest.mark.parametrize(("story", "what", "then"), list(cases()))
@pytest.mark.usefixtures("twilio")
def test_what_is_heard_late_undoes_nothing(
    story, what, then, gateway, our_time, tenant, clerk, people
):
    Machine.world = (gateway, our_time, tenant, clerk, people)
    machine = Machine()
    with scopes_disabled():
        story(machine)
        machine.the_books_hold()
        machine.hear_late(what, 4 if story is bank_payment_to_clear else 0, then)
        assert machine.held, "the gateway was not asked"
        machine.the_books_hold()
        machine.teardown()
