"""Opens the scope of the company in the address: a query without a company raises."""

from __future__ import annotations

from collections.abc import Callable

from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
)
from django.urls import get_script_prefix
from django_scopes import scope, scopes_disabled

from tenants.access import card_number_typed, refused
from tenants.models import Membership, ShortName, Tenant
from tenants.requests import TenantRequest

# Payers, providers and probes do not sign in.
WITHOUT_STAFF = ("/p/", "/webhooks/", "/brand/", "/healthz", "/readyz")
ADMIN = "/admin/"
API = "/api/v1/"  # also the API's address before companies had their own


def memberships_of(request: HttpRequest) -> list[Membership]:
    """The companies in which the signed-in person works."""
    if not request.user.is_authenticated:
        return []
    return list(
        Membership.objects.select_related("tenant", "role", "user").filter(
            user=request.user, is_active=True, tenant__is_active=True
        )
    )


def _renamed(request: TenantRequest, tenant: Tenant) -> str:
    """The same page under the company's present short name."""
    site = get_script_prefix().removesuffix(f"{request.short_name}/")
    return f"{site}{tenant.slug}{request.get_full_path().removeprefix(site + request.short_name)}"


class TenantMiddleware:
    """Sets request.tenant and request.membership and opens the scope of the company.

    A signed-in person who does not work at the company in the address gets 404, as for a company
    that does not exist.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: TenantRequest) -> HttpResponseBase:
        request.membership, request.tenant, request.memberships = None, None, []
        if not request.short_name:
            if request.path_info.startswith(ADMIN):
                with scopes_disabled():  # platform administrators see all tenants
                    if request.user.is_authenticated and card_number_typed(request):
                        return refused(request)
                    return self.get_response(request)
            if request.path_info.startswith(WITHOUT_STAFF):
                return self.get_response(request)
        request.memberships = memberships_of(request)
        membership = self._membership(request)
        if membership is None:
            if request.short_name and request.user.is_authenticated:
                return self._elsewhere(request)
            return self.get_response(request)
        tenant = membership.tenant
        if request.short_name not in ("", tenant.slug) and request.method in ("GET", "HEAD"):
            return HttpResponseRedirect(_renamed(request, tenant))
        request.membership, request.tenant = membership, tenant
        with scope(tenant=tenant):
            return self.get_response(request)

    def _membership(self, request: TenantRequest) -> Membership | None:
        """The person's membership in the company of this address."""
        theirs = request.memberships
        if request.short_name:
            for membership in theirs:
                if membership.tenant.slug == request.short_name:
                    return membership
            former = ShortName.objects.filter(
                name=request.short_name, tenant__in=[one.tenant_id for one in theirs]
            ).first()
            return next((one for one in theirs if former and former.tenant == one.tenant), None)
        if request.path_info.startswith(API) and len(theirs) == 1:
            return theirs[0]
        return None

    def _elsewhere(self, request: TenantRequest) -> HttpResponseBase:
        if request.path_info.startswith(API):
            return JsonResponse({"code": "not_found", "detail": "Not found."}, status=404)
        raise Http404
