"""What a view behind `staff` may rely on, for the type checker."""

from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from tenants.models import Membership, Tenant, User


class StaffRequest(HttpRequest):
    """A request of a signed-in person in one company; see tenants/middleware.py."""

    user: User
    tenant: Tenant
    membership: Membership
    htmx: HtmxDetails
