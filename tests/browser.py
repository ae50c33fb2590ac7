"""A real Chromium for tests that need eyes, a keyboard or scripts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tenants.models import User
from tests.conftest import signed_in

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
NARROW = {"width": 320, "height": 640}
# Without these, Chromium spends the first seconds looking for its maker's servers.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The installed Chromium (CHROMIUM names it), without a window."""
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def axe_violations(page: Page) -> list[str]:
    """What axe finds wrong with the page, as "rule: element" lines; empty when all is well."""
    if not page.evaluate("window.axe !== undefined"):
        page.evaluate(Axe().axe_script)
    found: list[dict[str, Any]] = page.evaluate(
        # The hosted card form is another site's: axe would wait half a second for its answer.
        "axe.run({resultTypes: ['violations'], iframes: false}).then(found => found.violations)"
    )
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def complaints(page: Page, *sizes: dict[str, int]) -> list[str]:
    """What axe finds, and sideways scrolling, in each size and in both color schemes.

    Without sizes: in the present one. The page is not loaded again; its color scheme ends light.
    """
    found = []
    for size in sizes or (page.viewport_size,):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            place = f"{page.url} at {size['width']} {scheme}"  # type: ignore[index]
            found += [f"{place}: {violation}" for violation in axe_violations(page)]
        if scrolls_sideways(page):
            found.append(f"{page.url} at {size['width']}: scrolls sideways")  # type: ignore[index]
    return found


def sign_in(context: BrowserContext, live_server: Any, user: User) -> Page:
    """A tab of a browser in which `user` has signed in; `page.goto("/")` is Home.

    The sign-in page itself is tested by the journeys.
    """
    [session] = signed_in(user).cookies.values()
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    return context.new_page()


def wait_until_heard(page: Page, selector: str) -> None:
    """Until htmx listens to an element that it swapped in: before that, a choice made is lost.

    It begins a moment after the element is seen, which no person is quick enough for.
    """
    script = "selector => document.querySelector(selector)?.['htmx-internal-data']?.listenerInfos"
    page.wait_for_function(script, arg=selector)


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than its window."""
    script = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    return bool(page.evaluate(script))
