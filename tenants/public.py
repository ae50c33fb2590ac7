"""What anybody may read of a company without signing in: its colour."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from tenants.models import Tenant

COLOUR = re.compile(r"^#[0-9a-fA-F]{6}$")


@require_safe
@cache_control(public=True, max_age=3600)
def brand_css(request: HttpRequest, slug: str) -> HttpResponse:
    """The one line by which a payer's page wears the company's colour; a style sheet, because the
    content security policy allows no style in the page."""
    active = Tenant.objects.filter(slug=slug, is_active=True)
    colour = active.values_list("brand", flat=True).first()
    if not colour or not COLOUR.match(colour):
        raise Http404
    return HttpResponse(f":root{{--brand:{colour}}}", content_type="text/css; charset=utf-8")
