"""`/` and the addresses that pages had before each company had its own.

Staff bookmarked the former addresses and find them in old emails. They name no company, so the
object in them does: a page opens where that object is, if the person works there.
"""

from __future__ import annotations

from django.apps import apps
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_safe

from tenants.access import no_company, to_sign_in
from tenants.addresses import company_path
from tenants.models import Tenant
from tenants.requests import TenantRequest

# The first parts of the former addresses.
FORMER = (
    *("bulk-sends", "contacts", "customers", "invoices", "messages"),
    *("payments", "refunds", "reminders", "settings", "texts"),
)
# The session remembers nothing about companies but where to go after signing in.
LAST = "company"


@require_safe
def front_door(request: TenantRequest) -> HttpResponse:
    """Go to Home of the company that the person opened last."""
    if not request.user.is_authenticated:
        return to_sign_in(request)
    theirs = [membership.tenant for membership in request.memberships]
    if not theirs:
        return no_company(request)
    last = request.session.get(LAST)
    return redirect(company_path(next((t for t in theirs if t.pk == last), theirs[0]), "home"))


def former_address(request: TenantRequest, former: str) -> HttpResponse:
    """Redirect a page's former address to its company; ask which company when nothing tells.

    A form sent to a former address changes nothing.
    """
    try:
        page = resolve(f"/{former}", settings.COMPANY_URLCONF)
    except Resolver404:
        raise Http404 from None
    if not request.user.is_authenticated:
        return to_sign_in(request)
    if not request.memberships:
        return no_company(request)
    companies = [membership.tenant for membership in request.memberships]
    public_id = page.kwargs.get("public_id")
    if public_id is not None:
        companies = [one for one in companies if _has(one, public_id)]
    if not companies:
        raise Http404
    choices = [(one, _address(request, one, former)) for one in companies]
    if request.method not in ("GET", "HEAD"):
        return render(request, "pages/former_form.html", {"choices": choices}, status=409)
    if len(choices) == 1:
        return redirect(choices[0][1])
    return render(request, "pages/which_company.html", {"choices": choices})


def _has(tenant: Tenant, public_id: object) -> bool:
    """Whether a page of this company is about the row with this public id."""
    return any(
        model._base_manager.filter(public_id=public_id, tenant=tenant).exists()
        for model in apps.get_models()
        if any(field.name == "public_id" for field in model._meta.fields)
    )


def _address(request: HttpRequest, tenant: Tenant, former: str) -> str:
    query = request.META.get("QUERY_STRING", "")
    return company_path(tenant, "home") + former + (f"?{query}" if query else "")
