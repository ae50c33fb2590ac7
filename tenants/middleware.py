"""Opens the scope of the request's tenant: a query without a tenant raises."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django_scopes import scope, scopes_disabled

from tenants.access import card_number_typed, refused
from tenants.models import Membership
from tenants.requests import TenantRequest

SESSION_KEY = "tenant"
# Payers, providers and probes do not sign in.
WITHOUT_STAFF = ("/p/", "/webhooks/", "/brand/", "/healthz", "/readyz")


def membership_of(request: TenantRequest) -> Membership | None:
    """The signed-in person's membership in the tenant they chose, or in their only one."""
    if not request.user.is_authenticated:
        return None
    memberships = list(
        Membership.objects.select_related("tenant", "role", "user").filter(
            user=request.user, is_active=True, tenant__is_active=True
        )
    )
    chosen = request.session.get(SESSION_KEY)
    request.memberships = memberships
    return next(
        (m for m in memberships if m.tenant.slug == chosen), memberships[0] if memberships else None
    )


class TenantMiddleware:
    """Sets request.tenant and request.membership and opens the scope of that company."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: TenantRequest) -> HttpResponseBase:
        if request.path.startswith("/admin/"):
            with scopes_disabled():  # platform administrators see all tenants
                if request.user.is_authenticated and card_number_typed(request):
                    return refused(request)
                return self.get_response(request)
        membership = None
        if not request.path.startswith(WITHOUT_STAFF):
            membership = membership_of(request)
        request.membership = membership
        request.tenant = membership.tenant if membership else None
        if membership is None:
            return self.get_response(request)
        with scope(tenant=membership.tenant):
            return self.get_response(request)
