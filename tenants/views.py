"""Requests of every page: activity, and switching between tenants."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from tenants.access import to_sign_in
from tenants.middleware import SESSION_KEY
from tenants.requests import StaffRequest


@require_safe
def here(request: HttpRequest) -> HttpResponse:
    """A person types or clicks in an open page, so their sign-in stays. Answers 204."""
    return HttpResponse(status=204) if request.user.is_authenticated else to_sign_in(request)


@require_POST
def switch(request: StaffRequest, slug: str) -> HttpResponse:
    """Switch to another of the person's tenants."""
    if not request.user.is_authenticated:
        return to_sign_in(request)
    theirs = {membership.tenant.slug for membership in getattr(request, "memberships", [])}
    if slug not in theirs:
        raise Http404
    request.session[SESSION_KEY] = slug
    return redirect("home")
