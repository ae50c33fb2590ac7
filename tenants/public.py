"""What anyone may read without signing in: the style sheet of a brand color."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

COLOR = re.compile(r"[0-9a-fA-F]{6}")


@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def brand_css(request: HttpRequest, color: str) -> HttpResponse:
    """The style sheet of a color, such as 0b6470; it names no company.

    A file, because the content security policy allows no inline styles.
    """
    if not COLOR.fullmatch(color):
        raise Http404
    return HttpResponse(f":root{{--brand:#{color}}}", content_type="text/css; charset=utf-8")
