"""Response headers that neither Django nor django-csp sends."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from tenants.middleware import WITHOUT_STAFF

PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "display-capture", "geolocation", "microphone", "midi", "usb")
)


class PermissionsPolicyMiddleware:
    """No page of ours, and no frame in one, may ask for the camera, the location and so on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


class NotCachedMiddleware:
    """Pages of a signed-in person are not stored: not by a proxy, and not on a shared computer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.has_header("Cache-Control") or request.path_info.startswith(WITHOUT_STAFF):
            return response
        if request.user.is_authenticated:
            patch_cache_control(response, private=True, no_store=True)
        return response
