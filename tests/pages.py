"""A person without JavaScript: opens pages, follows links by their words, fills in forms."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import requests
from bs4 import BeautifulSoup, Tag


class Person:
    """Somebody with a browser that runs no scripts."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = requests.Session()
        self.response = requests.Response()
        self.page = BeautifulSoup("", "html.parser")

    def open(self, address: str) -> Person:
        """Go to an address, absolute or on this site; fail on an error page."""
        return self._read(self.session.get(urljoin(self.base, address), timeout=60))

    def _read(self, response: requests.Response) -> Person:
        self.response = response
        self.page = BeautifulSoup(response.text, "html.parser")
        return self

    @property
    def text(self) -> str:
        """All words on the page, with single spaces."""
        return " ".join(self.page.get_text(" ").split())

    def sees(self, words: str) -> bool:
        """Whether the words are on the page."""
        return words in self.text

    def follow(self, words: str) -> Person:
        """Follow the first link that says `words`."""
        link = self._find("a", words)
        return self.open(urljoin(self.response.url, str(link["href"])))

    def press(self, words: str, **answers: Any) -> Person:
        """Fill in the form around the button that says `words` with `answers`, and send it.

        Everything else in the form goes as the page had it, hidden fields too.
        """
        button = self._find("button", words)
        form = button.find_parent("form")
        assert isinstance(form, Tag), f"{words!r} is not in a form"
        data = {**_values(form), **answers}
        if button.get("name"):
            data[str(button["name"])] = str(button.get("value", ""))
        address = urljoin(self.response.url, str(form.get("action") or self.response.url))
        if str(form.get("method", "get")).lower() == "get":
            return self._read(self.session.get(address, params=data, timeout=60))
        return self._read(
            self.session.post(
                address, data=data, headers={"Referer": self.response.url}, timeout=60
            )
        )

    def sign_in(self, email: str, password: str) -> Person:
        """Through the sign-in page, as everybody does."""
        return self.open("/accounts/login/").press("Sign in", login=email, password=password)

    def _find(self, kind: str, words: str) -> Tag:
        for tag in self.page.find_all(kind):
            if words in " ".join(tag.get_text(" ").split()):
                return tag
        raise AssertionError(f"No {kind} says {words!r} on {self.response.url}: {self.text[:600]}")


def form_on(answer: Any, ending: str = "") -> dict[str, Any]:
    """What a browser would send of a page's form whose address ends so; "" is the first one."""
    page = BeautifulSoup(answer.content, "html.parser")
    forms = page.select(f"main form[action$='{ending}']" if ending else "main form[method=post]")
    return _values(forms[0])


def _values(form: Tag) -> dict[str, Any]:
    """What a browser would send of the form as it stands."""
    values: dict[str, Any] = {}
    for field in form.find_all(["input", "textarea", "select"]):
        name, kind = field.get("name"), field.get("type", "")
        if not name or kind in ("submit", "button"):
            continue
        if field.name == "select":
            chosen = field.find("option", selected=True) or field.find("option")
            values[str(name)] = str(chosen.get("value", "")) if chosen else ""
        elif kind in ("radio", "checkbox"):
            if field.has_attr("checked"):
                values[str(name)] = str(field.get("value", "on"))
        else:
            values[str(name)] = str(field.get("value", field.get_text().removeprefix("\n")))
    return values
