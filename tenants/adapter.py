"""How people get in: by the e-mail address an administrator gave them."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import ratelimit
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Nobody can sign up: companies and people are added by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Not the sixth wrong password from one IP address, nor one of very many from anywhere.

        By the e-mail address alone, whoever knows it could keep its owner signed out.
        """
        super().pre_authenticate(request, **credentials)
        usage = ratelimit.consume(request, **self._anywhere(request, credentials))
        if not usage:
            raise self.validation_error("too_many_login_attempts")
        # A right password gives back what it used of either limit.
        self._login_failed_rl_usage.usage += usage.usage

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        address = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{ratelimit.get_ip(request)}:{address}"

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        super()._delete_login_attempts_cached_email(request, **credentials)
        ratelimit.clear(request, **self._anywhere(request, credentials))

    def _anywhere(self, request: HttpRequest, credentials: dict[str, Any]) -> dict[str, str]:
        key = super()._get_login_attempts_cache_key(request, **credentials)
        return {"app": "allauth.account", "action": "login_failed_anywhere", "key": key}

    def get_reset_password_from_key_url(self, key: str) -> str:
        """On PUBLIC_BASE_URL: a forged Host header must not lead anybody to another's site."""
        path = urlsplit(super().get_reset_password_from_key_url(key)).path
        return f"{settings.PUBLIC_BASE_URL}{path}"
