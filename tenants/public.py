"""What anyone may read of a tenant without signing in: its brand color."""

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
    """The style sheet with the tenant's brand color; a file, because the content security policy
    allows no inline styles.
    """
    active = Tenant.objects.filter(slug=slug, is_active=True)
    colour = active.values_list("brand", flat=True).first()
    if not colour or not COLOUR.match(colour):
        raise Http404
    return HttpResponse(f":root{{--brand:{colour}}}", content_type="text/css; charset=utf-8")
