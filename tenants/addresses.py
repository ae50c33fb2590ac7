"""A company's pages live under its short name: /harbor/invoices/.

`CompanyAddressMiddleware` mounts `settings.COMPANY_URLCONF` at the short name and makes the mount
Django's script prefix, so that `reverse()`, `redirect()` and `{% url %}` fill the short name in
while a page of a company is open. Outside of one, `reverse()` knows the pages of no company only,
and raises NoReverseMatch for all others; a worker uses `company_path()`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpResponseBase, HttpResponseRedirect
from django.urls import get_script_prefix, reverse, set_script_prefix

from tenants.models import Tenant
from tenants.requests import TenantRequest
from tenants.short_names import PATTERN, RESERVED

_MOUNT = re.compile(rf"/({PATTERN})(/.*)?", re.S)
# The prefix of the site while a company is mounted below it; "/" unless WSGI's SCRIPT_NAME is set.
_site_prefix: ContextVar[str] = ContextVar("site_prefix")


class CompanyAddressMiddleware:
    """Sets `request.short_name`, and routes the pages of a company by the company URLconf.

    TenantMiddleware decides whether the company exists and the person works there.
    """

    def __init__(self, get_response: Callable[[TenantRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: TenantRequest) -> HttpResponseBase:
        found = _MOUNT.fullmatch(request.path_info)
        if found is None or found[1] in RESERVED:
            request.short_name = ""
            return self.get_response(request)
        if found[2] is None:
            return HttpResponseRedirect(f"{request.path}/")
        request.short_name, request.path_info = found[1], found[2]
        request.urlconf = settings.COMPANY_URLCONF
        with _mounted(request.short_name):
            return self.get_response(request)


def company_path(tenant: Tenant, name: str, *args: object) -> str:
    """The path of a page of this company, from anywhere: in emails, on pages of no company."""
    with _mounted(tenant.slug):
        return reverse(name, urlconf=settings.COMPANY_URLCONF, args=args)


def site_path(name: str, *args: object) -> str:
    """The path of a page that belongs to no company, from anywhere: signing out, Pay Now."""
    with _prefix(_site_prefix.get(get_script_prefix())):
        return reverse(name, urlconf=settings.ROOT_URLCONF, args=args)


@contextmanager
def _mounted(short_name: str) -> Iterator[None]:
    site = _site_prefix.get(get_script_prefix())
    token = _site_prefix.set(site)
    try:
        with _prefix(f"{site}{short_name}/"):
            yield
    finally:
        _site_prefix.reset(token)


@contextmanager
def _prefix(prefix: str) -> Iterator[None]:
    before = get_script_prefix()
    set_script_prefix(prefix)
    try:
        yield
    finally:
        set_script_prefix(before)
