"""All addresses. Those that work without signing in are listed in public_urls.py."""

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.urls import include, path

from textpay import health
from textpay.pages import home
from textpay.pages import urls as pages

admin.autodiscover()
admin.site.unregister(EmailAddress)  # people keep the address they were invited by
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = "Textpay Support"
admin.site.site_title = "Textpay Support"
admin.site.index_title = "Companies and their payment processors"

urlpatterns = [
    path("", home.home, name="home"),
    path("", include((pages.CUSTOMERS, "customers"))),
    path("", include((pages.INVOICES, "invoices"))),
    path("", include((pages.SMS, "sms"))),
    path("", include((pages.MESSAGES, "replies"))),
    path("", include("payments.urls")),
    path("", include("textpay.company.urls")),
    path("api/v1/", include("textpay.api")),
    path("accounts/", include("textpay.account_urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
