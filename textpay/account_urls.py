"""The allauth pages that exist. There is no sign-up, and nobody changes their own email address:
administrators invite people by it, so a made-up address could take over an invitation.
"""

from allauth.account import urls

KEPT = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_reauthenticate",
    "account_change_password",
    "account_set_password",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}
urlpatterns = [pattern for pattern in urls.urlpatterns if pattern.name in KEPT]
