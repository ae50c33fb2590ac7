"""What was typed in a form that could not be taken comes back after signing in.

A page carries a mark of the person for whom it was rendered. When their sign-in lapsed, or was
renewed in another tab, the sent form waits in the session, and the page shows it again to the same
person, in the same browser. Nothing is saved until they press Save. js/kept_form.js fills the form.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from tenants.card_numbers import holds_card_number
from tenants.models import User
from tenants.requests import TenantRequest

KEPT = "kept_form"
MARK = "person"
SALT = "person of a page"
MOST = 30_000  # characters
FOR = 24 * 60 * 60  # seconds
# Not kept: they are secrets, or belong to the page that is gone.
LEFT_OUT = frozenset({"csrfmiddlewaretoken", MARK})
BACK = "Nothing was saved yet. What you typed is back: check it, and save it again."


def mark_of(user: User) -> str:
    """The mark of the person for whom a page is rendered."""
    return signing.dumps(user.pk, salt=SALT)


def keep(request: HttpRequest, page: str) -> bool:
    """Keep a sent form for the person who typed it; `page` is the path that shows it again.

    False when it is not known who typed it, when it is too long, or for anything but a form.
    """
    mark = request.POST.get(MARK) or request.headers.get("X-Person", "")
    try:
        person = signing.loads(mark, salt=SALT)
    except signing.BadSignature:
        return False
    fields = {
        name: values
        for name, values in request.POST.lists()
        if name not in LEFT_OUT and "password" not in name
    }
    if sum(len(text) for values in fields.values() for text in values) > MOST:
        return False
    typed = {
        name: ["" if holds_card_number(text) else text for text in values]
        for name, values in fields.items()
    }
    request.session[KEPT] = {
        "person": person,
        "page": urlsplit(page).path,
        "action": request.path,
        "typed": typed,
        "at": int(time.time()),
    }
    return True


def take(request: TenantRequest) -> dict[str, Any] | None:
    """The form that was kept for this page and this person, once; else None.

    Parts of a page are rendered before the page, with the same request.
    """
    if not hasattr(request, "kept_form"):
        request.kept_form = _take(request)
    return request.kept_form


def _take(request: TenantRequest) -> dict[str, Any] | None:
    kept = request.session.get(KEPT)
    if not kept or not request.user.is_authenticated or HtmxDetails(request):
        return None
    if kept["person"] != request.user.pk or time.time() - kept["at"] > FOR:
        del request.session[KEPT]
        return None
    if request.method != "GET" or kept["page"] != request.path:
        return None
    del request.session[KEPT]
    return {"action": kept["action"], "typed": kept["typed"]}


def open_page(request: HttpRequest) -> str:
    """Path and query of the open page; Home when it is unknown or on another site."""
    htmx = HtmxDetails(request)
    if htmx:
        return htmx.current_url_abs_path or "/"
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    referer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referer, {request.get_host()}):
        return "/"
    page = urlsplit(referer)
    return page.path + (f"?{page.query}" if page.query else "")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token is not the browser's; settings.CSRF_FAILURE_VIEW.

    Signing in again in another tab changes the token. Then the page comes back with what was
    typed. A form of another site has no mark, and gets a refusal.
    """
    page = open_page(request)
    if page != "/" and request.user.is_authenticated and keep(request, page):
        messages.info(request, BACK)
        if HtmxDetails(request):
            return HttpResponse(status=204, headers={"HX-Redirect": page})
        return redirect(page)
    return render(request, "403_csrf.html", status=403)
