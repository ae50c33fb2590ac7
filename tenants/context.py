"""Context of every page's frame."""

from __future__ import annotations

from django.conf import settings

from tenants.access import Can
from tenants.kept_forms import mark_of, take
from tenants.requests import TenantRequest


def shell(request: TenantRequest) -> dict[str, object]:
    """The tenant, the person's membership and permissions, and the practice banner."""
    membership = getattr(request, "membership", None)
    return {
        "kept_form": take(request) if membership else None,
        "person_mark": mark_of(membership.user) if membership else "",
        "tenant": getattr(request, "tenant", None),
        "membership": membership,
        "memberships": getattr(request, "memberships", []),
        "can": Can(membership),
        "practice_mode": settings.PRACTICE_MODE,
        "practice_phone_url": settings.PRACTICE_PHONE_URL,
        "integrated_payments_url": settings.INTEGRATED_PAYMENTS_URL,
        "support_email": settings.SUPPORT_EMAIL,
    }
