"""Addresses as tests write them: a company's page without its short name.

`ScopedClient` adds the short name of the company in which its person works.
"""

from __future__ import annotations

import functools
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver
from django.urls import reverse as django_reverse


def reverse(name: str, *, args: Any = None, kwargs: Any = None) -> str:
    """A page below a company's short name, or one of no company."""
    try:
        return django_reverse(name, settings.COMPANY_URLCONF, args=args, kwargs=kwargs)
    except NoReverseMatch:
        return django_reverse(name, settings.ROOT_URLCONF, args=args, kwargs=kwargs)


@functools.cache
def first_words(urlconf: str) -> frozenset[str]:
    """The first parts of all addresses of a URLconf; "" stands for the address "/"."""
    return frozenset(_words(get_resolver(urlconf).url_patterns))


def _words(patterns: list[URLPattern | URLResolver]) -> set[str]:
    words = set()
    for pattern in patterns:
        start = str(pattern.pattern)
        if isinstance(pattern, URLResolver) and not start:
            words |= _words(pattern.url_patterns)
        else:
            words.add(start.split("/")[0])
    return words
