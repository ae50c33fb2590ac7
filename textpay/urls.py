"""Addresses of no company: payers, providers, signing in, Support. Those that work without signing
in are listed in public_urls.py; company_urls.py has the pages of a company.
"""

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.urls import include, path, re_path

from payments.checkout import urls as checkout
from sms.twilio import urls as twilio
from textpay import health
from textpay.pages import front_door

admin.autodiscover()
admin.site.unregister(EmailAddress)  # people keep the address they were invited by
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = "Textpay Support"
admin.site.site_title = "Textpay Support"
admin.site.index_title = "Companies and their payment processors"

urlpatterns = [
    path("", front_door.front_door, name="front_door"),
    path("", include(checkout)),
    path("", include(twilio)),
    path("", include("tenants.urls")),
    path("accounts/", include("textpay.account_urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", include("textpay.api")),
    re_path(
        f"^(?P<former>({'|'.join(front_door.FORMER)})/(.*/|.*[.]csv)?)$",
        front_door.former_address,
        name="former_address",
    ),
]
