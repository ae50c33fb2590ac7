"""A migration that works in batches counts each row once, by its kind, also when interrupted."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import models
from django_scopes import scopes_disabled

from payments.models import MatchRow, MatchRun
from tests.upgrade.databases import as_default, load
from tests.upgrade.test_from_0_1_0 import compare_matched_figures

fold = import_module("payments.migrations.0013_fold_matched_rows")


class Interrupted(Exception):
    """The power failed."""


def test_matched_rows_are_counted_once(
    tmp_path: Path, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends between adding up a batch and deleting it: neither has happened."""
    monkeypatch.setattr(fold, "BATCH", 3)
    name = str(tmp_path / "textpay.sqlite3")
    with django_db_blocker.unblock(), as_default("sqlite", name), scopes_disabled():
        load()
        call_command("migrate", "payments", "0012", verbosity=0)
        before = MatchRow.objects.filter(bucket="matched").count()
        assert before > 3 * 3
        with monkeypatch.context() as power:
            power.setattr(models.QuerySet, "delete", failing_at(3, models.QuerySet.delete))
            with pytest.raises(Interrupted):
                call_command("migrate", "payments", "0013", verbosity=0)
        assert MatchRow.objects.filter(bucket="matched").count() == before - 2 * 3
        call_command("migrate", verbosity=0)
        assert not MatchRow.objects.filter(bucket="matched").exists()
        compare_matched_figures()


def test_refunds_and_returns_are_counted_by_themselves(
    tmp_path: Path, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.1.0 stored matched lines of every kind; its copy has charges only."""
    monkeypatch.setattr(fold, "BATCH", 2)
    name = str(tmp_path / "textpay.sqlite3")
    lines = [("182.50", ""), ("-45.50", ""), ("-20.00", "R01"), ("20.00", "R02"), ("0.10", "")]
    with django_db_blocker.unblock(), as_default("sqlite", name), scopes_disabled():
        load()
        call_command("migrate", "payments", "0012", verbosity=0)
        run = MatchRun.objects.latest("pk")
        assert not run.rows.exists()
        for amount, code in lines:
            MatchRow.objects.create(
                tenant=run.tenant, run=run, bucket="matched", cause="same", day=run.to_day,
                their_amount=amount, note=code,
            )  # fmt: skip
        call_command("migrate", "payments", "0013", verbosity=0)
        run.refresh_from_db()
    assert run.matched_by_kind() == [
        ("Charges", 2, Decimal("182.60")),
        ("Refunds", 1, Decimal("-45.50")),
        ("Returns", 2, Decimal("0.00")),
    ]


def failing_at(turn: int, delete: Any) -> Any:
    """`delete`, which raises at this turn."""
    calls = []

    def counted(rows: Any) -> Any:
        calls.append(rows)
        if len(calls) == turn:
            raise Interrupted
        return delete(rows)

    return counted
