"""What a person with several companies needs on every page: changing between them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from tenants.middleware import SESSION_KEY
from tenants.requests import StaffRequest


@require_POST
@login_required
def switch(request: StaffRequest, slug: str) -> HttpResponse:
    """Work for another of the person's companies."""
    theirs = {membership.tenant.slug for membership in getattr(request, "memberships", [])}
    if slug not in theirs:
        raise Http404
    request.session[SESSION_KEY] = slug
    return redirect("home")
