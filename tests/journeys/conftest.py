"""A running house for each journey: on PostgreSQL and Redis, and on what a newcomer has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.stack import Stack, start_stack


@pytest.fixture(scope="session", params=["services", "embedded"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Web, worker, beat and sandbox with the demo's data; on PostgreSQL and Redis, or embedded."""
    stack = start_stack(tmp_path_factory.mktemp(request.param), request.param)
    yield stack
    stack.stop()
