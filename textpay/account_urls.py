"""Which of allauth's pages there are. Nobody signs up, and nobody gives themselves another e-mail
address: it is what an administrator invites people by, so a made-up one could take their place."""

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
