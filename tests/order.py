"""Which tests share a worker, and which begin first, so that all workers end at the same time."""

from __future__ import annotations

import pytest

# Tests that start a whole Textpay keep both cores busy: one worker runs them, one by one.
PROCESSES = ("tooling/test_run.py", "journeys/", "proof/test_chaos.py")
# What takes longest, in the order in which it begins.
FIRST = (
    *PROCESSES,
    "proof/test_machine.py",
    "payments/checkout/test_browser.py",
    "payments/settlement/test_browser.py",
    "browser",
    "tenants/test_seed.py",
    "proof/",
)
# Files whose tests share what takes seconds to start: a Chromium, or a filled database.
TOGETHER = (
    "browser.py",
    "invoices/test_letter.py",
    "sandbox/test_pages.py",
    "tenants/test_seed.py",
)


def group_of(item: pytest.Item) -> str | None:
    """The name of those that run on the same worker; None when a test may run anywhere."""
    path = str(item.path)
    if any(part in path for part in PROCESSES):
        return "processes"
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
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the long ones first, each group together; the order of all others stays."""
    items.sort(key=place)
    if config.getoption("loadgroup", default=False):
        check_groups(items)


def check_groups(items: list[pytest.Item]) -> None:
    """Refuse a pytest-xdist that does not read the marks: it would start everything twice."""
    grouped = [(item.nodeid, group_of(item)) for item in items]
    if any(group and not nodeid.endswith(f"@{group}") for nodeid, group in grouped):
        raise pytest.UsageError("pytest-xdist does not keep groups of tests together.")


def place(item: pytest.Item) -> tuple[int, str, str]:
    """Where a test stands in the run: rank, group, and the house that a journey walks through."""
    path = str(item.path).rpartition("/tests/")[2]
    rank = next((number for number, part in enumerate(FIRST) if part in path), len(FIRST))
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return rank, group_of(item) or "", str(parameters.get("house", ""))
