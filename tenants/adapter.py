"""How people get in: by the e-mail address an administrator gave them."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from tenants.rate_limit import RateLimit, network_of

# Wrong passwords. By the e-mail address alone, whoever knows it could keep its owner signed out:
# that limit is high, and bounds only what many addresses guess together.
BY_ADDRESS = RateLimit("sign-in-address", limit=10, window=60)
BY_ADDRESS_AND_PERSON = RateLimit("sign-in", limit=5, window=5 * 60)
BY_PERSON = RateLimit("sign-in-person", limit=300, window=60 * 60)


class AccountAdapter(DefaultAccountAdapter):
    """Nobody can sign up: companies and people are added by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: object) -> None:
        """Count the try before the password is checked."""
        super().pre_authenticate(request, **credentials)
        if not all(limit.allows(key) for limit, key in self._limits(request, credentials)):
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: object) -> AbstractBaseUser | None:
        """A right password does not count."""
        user = super().authenticate(request, **credentials)
        if user is not None:
            for limit, key in self._limits(request, credentials):
                limit.give_back(key)
        return user

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """A new password, by mail or by its owner, ends the wait of whoever set it."""
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
        """On PUBLIC_BASE_URL: a forged Host header must not lead anybody to another's site."""
        path = urlsplit(super().get_reset_password_from_key_url(key)).path
        return f"{settings.PUBLIC_BASE_URL}{path}"
