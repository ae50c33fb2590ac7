"""Mistakes about who, at which company, and which version."""

from __future__ import annotations

from typing import Any

from tenants import form_keys, kept_forms, middleware, versions
from tenants.models import Membership
from textpay.company import forms


def no_version_check() -> None:
    """Whoever saves last wins."""
    versions.VersionedForm._compare = lambda self: None  # type: ignore[method-assign]


def form_key_ignored() -> None:
    """A form that is sent again makes a second one."""
    form_keys._key = lambda request: None


def kept_form_for_anybody() -> None:
    """Whoever signs in next gets what was typed."""

    def take(request: Any) -> Any:
        kept = request.session.get(kept_forms.KEPT)
        if not kept or kept["page"] != request.path or request.method != "GET":
            return None
        return {"action": kept["action"], "typed": kept["typed"]}

    kept_forms._take = take


def role_above_ones_own_changed() -> None:
    """Who may change people may change everybody."""
    forms.refuse_above = lambda role, giver: None


def any_company_by_its_short_name() -> None:
    """The address alone decides about the company."""

    def found(self: Any, request: Any) -> Membership | None:
        here = Membership.objects.filter(tenant__slug=request.short_name)
        return here.select_related("tenant", "role", "user").first()

    middleware.TenantMiddleware._membership = found  # type: ignore[method-assign]
