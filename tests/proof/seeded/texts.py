"""Mistakes in sending texts."""

from __future__ import annotations

import datetime as dt
from typing import Any
from unittest import mock

from django.utils import timezone

from sms import tasks
from sms.models import TextMessage


def callbacks_regress_a_delivered_text() -> None:
    """Reports arrive in any order, and the last one wins."""
    wild = frozenset(TextMessage.Status.values)
    TextMessage.TRANSITIONS = dict.fromkeys(TextMessage.Status.values, wild)


def a_text_sent_again_after_a_timeout() -> None:
    """No answer from Twilio? Send it once more."""
    record_refusal = tasks.record_refusal

    def eager(message: TextMessage, error: Any) -> None:
        if error.ambiguous:
            message.back_to_queue(dt.timedelta(0))
        else:
            record_refusal(message, error)

    tasks.record_refusal = eager


def two_workers_send_the_same_text() -> None:
    """Whoever holds the task sends the text."""
    claim = TextMessage.claim

    def careless(self: TextMessage) -> bool:
        claim(self)
        return True

    mock.patch.object(TextMessage, "claim", careless).start()


def a_late_look_gives_back_another_claim() -> None:
    """Twilio has no trace of it and it is still "sending", so it was not sent."""

    def back_to_queue(self: TextMessage, later: dt.timedelta) -> bool:
        return self._move(self.Status.QUEUED, {"next_try_at": timezone.now() + later})

    mock.patch.object(TextMessage, "back_to_queue", back_to_queue).start()


def a_text_about_an_invoice_that_was_paid() -> None:
    """It was right when somebody pressed Send."""
    tasks.recheck = lambda message: ""
