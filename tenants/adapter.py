"""Sign-in by the email address that an administrator entered."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from tenants.rate_limit import RateLimit, network_of

# Limits of wrong passwords. By the email address alone, anyone who knows it could lock its owner
# out: that limit is high, and bounds only what many IP addresses guess together.
BY_ADDRESS = RateLimit("sign-in-address", limit=10, window=60)
BY_ADDRESS_AND_PERSON = RateLimit("sign-in", limit=5, window=5 * 60)
BY_PERSON = RateLimit("sign-in-person", limit=300, window=60 * 60)


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is closed: administrators add tenants and people."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Always False."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: object) -> None:
        """Count the attempt before the password is checked."""
        super().pre_authenticate(request, **credentials)
        if not all(limit.allows(key) for limit, key in self._limits(request, credentials)):
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: object) -> AbstractBaseUser | None:
        """Do not count a correct password."""
        user = super().authenticate(request, **credentials)
        if user is not None:
            for limit, key in self._limits(request, credentials):
                limit.give_back(key)
        return user

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """A new password, reset or set by its owner, clears the owner's failed attempts."""
        super().set_password(user, password)
        network, person = self._keys(self.request, {"email": user.get_username()})
        BY_ADDRESS_AND_PERSON.clear((network, person))
        BY_PERSON.clear(person)

    def _limits(
        self, request: HttpRequest, credentials: Mapping[str, object]
    ) -> Iterator[tuple[RateLimit, object]]:
        network, person = self._keys(request, credentials)
        yield BY_ADDRESS, network
        yield BY_ADDRESS_AND_PERSON, (network, person)
        yield BY_PERSON, person

    def _keys(self, request: HttpRequest, credentials: Mapping[str, object]) -> tuple[str, str]:
        person = str(credentials.get("email", "")).lower()
        return network_of(self.get_client_ip(request)), person

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Use PUBLIC_BASE_URL: a forged Host header must not lead to another site."""
        path = urlsplit(super().get_reset_password_from_key_url(key)).path
        return f"{settings.PUBLIC_BASE_URL}{path}"
