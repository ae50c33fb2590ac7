"""Shortens the waits before Twilio is polled, so that a bench of minutes sees their end."""

from __future__ import annotations

import os

from django.apps import AppConfig


class TextBenchConfig(AppConfig):
    """The one app that the bench adds to the product's own."""

    name = "bench"

    def ready(self) -> None:
        """Scale the waits before Twilio is polled about a text; change nothing else."""
        scale = float(os.environ["BENCH_SCALE"])
        from sms.models import text  # noqa: PLC0415

        text.POLLS[:] = [wait / scale for wait in text.POLLS]
