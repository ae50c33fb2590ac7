"""Activity in an open page, which keeps its sign-in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from tenants.access import to_sign_in


@require_safe
def here(request: HttpRequest) -> HttpResponse:
    """A person types or clicks in an open page, so their sign-in stays. Answers 204."""
    return HttpResponse(status=204) if request.user.is_authenticated else to_sign_in(request)
