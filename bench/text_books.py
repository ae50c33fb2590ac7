"""Compares Twilio's ledger with our rows: texts sent twice, lost, or sent after an opt-out."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TAKEN = """
    SELECT sid, to_number, body, created_at FROM sandbox_message
    WHERE direction = 'outbound-api' AND body LIKE 'Bench Plumbing:%' AND to_number LIKE ?
"""
OURS = """
    SELECT b.outcome, b.reason, t.status, t.sid, t."to" AS number, t.error
    FROM sms_bulktext b LEFT JOIN sms_textmessage t ON t.id = b.message_id
"""
SENT = ("sent", "delivered", "undelivered")
ENDED = ("failed", "cancelled")


@dataclass
class Verdict:
    """Every violation by its kind, as sentences."""

    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    after_opt_out: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """All violations."""
        return [line for found in vars(self).values() for line in found]


def taken(ledger: Path) -> list[dict[str, Any]]:
    """The texts that Twilio accepted, from its own file."""
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as books:
        books.row_factory = sqlite3.Row
        return [dict(row) for row in books.execute(TAKEN, ["+1781%"])]


def judge(
    at_twilio: list[dict[str, Any]], ours: list[dict[str, Any]], silent_since: dict[str, str]
) -> Verdict:
    """Compare. `silent_since` says when the opt-out of a number was acknowledged, as UTC text."""
    verdict = Verdict()
    numbers = Counter(text["to_number"] for text in at_twilio)
    verdict.duplicates = [f"{to} got {count} texts" for to, count in numbers.items() if count > 1]
    sids = {text["sid"] for text in at_twilio}
    for row in ours:
        verdict_on(row, sids, numbers, verdict)
    known = {row["number"] for row in ours}
    verdict.lost += [f"{to} got a text we know nothing of" for to in numbers if to not in known]
    verdict.after_opt_out = [
        f"{text['to_number']} was texted at {text['created_at']}, silent since {since}"
        for text in at_twilio
        if (since := silent_since.get(text["to_number"])) and text["created_at"] > since
    ]
    return verdict


def verdict_on(
    row: dict[str, Any], sids: set[str], numbers: Counter[str], verdict: Verdict
) -> None:
    """One row: sent means at Twilio; not sent means not at Twilio, with a reason."""
    to, status = row["number"], row["status"]
    if row["outcome"] == "waiting" or status in ("queued", "sending"):
        verdict.unresolved.append(f"{to or 'A row'} still waits: {status or row['outcome']}")
    elif status in SENT and row["sid"] not in sids:
        verdict.lost.append(f"{to} is {status} with us, and Twilio has no {row['sid']}")
    elif status in ENDED and not row["sid"] and numbers[to]:
        verdict.lost.append(f"{to} is {status} with us, but got the text")
    elif not (status in SENT or row["error"] or row["reason"]):
        verdict.lost.append(f"{to or 'A row'} was not texted, and nobody says why")
