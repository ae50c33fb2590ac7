"""`SEEDED_BUG=name pytest -p tests.proof.seeded.plugin …` runs the tests with that bug in place."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Break the product once everything is imported and before any test runs."""
    name = os.environ.get("SEEDED_BUG")
    if name:
        from tests.proof.seeded import bugs  # noqa: PLC0415  Django must be set up first

        bugs.BUGS[name].plant()
