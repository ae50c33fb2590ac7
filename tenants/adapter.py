"""How people get in: by the e-mail address an administrator gave them."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Nobody can sign up: companies and people are added by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
