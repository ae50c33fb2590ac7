"""A running house for each journey: on PostgreSQL, and on SQLite as a newcomer has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.stack import Stack, start_stack


@pytest.fixture(scope="session", params=["services", "embedded"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Web, worker, beat and sandbox with the demo's data; on PostgreSQL or SQLite."""
    stack = start_stack(tmp_path_factory.mktemp(request.param), request.param)
    yield stack
    stack.stop()
