"""Which tests share a worker, and which begin first, so that all workers end at the same time."""

from __future__ import annotations

import pytest

# What takes longest, or starts most processes, in the order in which it begins.
FIRST = (
    "tooling/test_run.py",
    "journeys/",
    "proof/test_machine.py",
    "proof/test_chaos.py",
    "payments/checkout/test_browser.py",
    "payments/settlement/test_browser.py",
    "browser",
    "tenants/test_seed.py",
    "proof/",
)
# Files whose tests share something dear: a Chromium, or a copy of the checkout.
TOGETHER = ("browser.py", "invoices/test_letter.py", "sandbox/test_pages.py", "tooling/test_run.py")


def group_of(item: pytest.Item) -> str | None:
    """The name of those that run on the same worker; None when a test may run anywhere."""
    path = str(item.path)
    if "/tests/journeys/" in path:
        return f"journeys-{item.callspec.params['house']}"
    if "/tests/upgrade/" in path:
        return "upgrade"  # an old database is migrated once
    if path.endswith(TOGETHER):
        return path.rpartition("/tests/")[2]
    return None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tell xdist, before it reads the marks."""
    group = group_of(item)
    if group:
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first, each group together; the order of all others stays."""
    items.sort(key=place)


def place(item: pytest.Item) -> tuple[int, str]:
    """Where a test stands in the run."""
    path = str(item.path).rpartition("/tests/")[2]
    rank = next((number for number, part in enumerate(FIRST) if part in path), len(FIRST))
    return rank, group_of(item) or ""
