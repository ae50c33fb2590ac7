"""A gateway to ask about credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox_process import Sandbox, start_sandbox


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox as a process of its own."""
    sandbox = start_sandbox(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.stop()


@pytest.fixture
def gateway(outside: Sandbox, settings: Any) -> Sandbox:
    """The product talks to it."""
    settings.CARDCONNECT_URL = outside.url
    return outside
