"""Requests with the attributes that middleware and `staff` set, for the type checker."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails
from rest_framework.request import Request

from tenants.models import Membership, Tenant, User


class TenantRequest(HttpRequest):
    """A request after TenantMiddleware; nobody may be signed in.

    `short_name` is the company in the address, "" on pages of no company.
    """

    kept_form: dict[str, Any] | None
    short_name: str
    urlconf: str
    memberships: list[Membership]
    membership: Membership | None
    tenant: Tenant | None


class StaffRequest(HttpRequest):
    """A request of a signed-in person in one company, as views behind `staff` get it."""

    user: User
    tenant: Tenant
    membership: Membership
    htmx: HtmxDetails


class StaffApiRequest(Request):
    """A request of a person in one company, as actions behind HasPermission get it."""

    user: User
    membership: Membership
