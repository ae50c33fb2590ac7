"""`SEEDED_BUG=name pytest -p tests.proof.seeded.plugin …` runs the tests with that bug in place."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
# An exit code of our own: red, but not because a test noticed the bug.
CLUMSY = 9


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Break the product once everything is imported and before any test runs."""
    name = os.environ.get("SEEDED_BUG")
    if name:
        from tests.proof.seeded import bugs  # noqa: PLC0415  Django must be set up first

        bugs.BUGS[name]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Only a test's own verdict counts: no broken fixture, and no error in a bug's own lines."""
    report = yield
    if call.excinfo and not report.skipped:
        raised_in = Path(call.excinfo.traceback[-1].path)
        if call.when != "call" or raised_in.parent == HERE:
            pytest.exit(f"Red for another reason: {call.excinfo.exconly()}", returncode=CLUMSY)
    return report
