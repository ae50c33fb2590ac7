"""docs/states.md shows the graphs the code obeys, and the graphs are whole."""

import pytest

from payments.models import Payment
from payments.models.statuses import CARRIED_OUT
from textpay import drawing


def test_the_picture_is_up_to_date():
    assert drawing.path().read_text() == drawing.draw(), (
        "docs/states.md is out of date: run `python manage.py draw_states`"
    )


@pytest.mark.parametrize("model", drawing.DRAWN, ids=lambda model: model.__name__)
def test_every_arrow_joins_two_states_and_every_state_is_reached(model):
    states = set(model.Status.values)
    reached = set().union(*model.TRANSITIONS.values())
    assert set(model.TRANSITIONS) <= states
    assert reached <= states
    picture = drawing.draw()
    for status in states:
        assert f" {status} -->" in picture or f"--> {status}" in picture
        assert status in reached or f"[*] --> {status}" in picture


def test_payments_name_every_state_and_no_reversal_is_undone():
    assert set(Payment.TRANSITIONS) == set(Payment.Status.values)
    for end in ("voided", "rejected", "returned", "declined"):
        assert Payment.TRANSITIONS[end] == frozenset()
    assert set(Payment.BOOKED) <= set(CARRIED_OUT)
    assert not set(Payment.BOOKED) & set(Payment.IN_FLIGHT)
