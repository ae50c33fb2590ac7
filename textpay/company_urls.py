"""Addresses of a company's pages, below its short name; see tenants/addresses.py."""

from django.urls import include, path

from textpay.pages import home
from textpay.pages import urls as pages

urlpatterns = [
    path("", home.home, name="home"),
    path("", include((pages.CUSTOMERS, "customers"))),
    path("", include((pages.INVOICES, "invoices"))),
    path("", include((pages.SMS, "sms"))),
    path("", include((pages.MESSAGES, "replies"))),
    path("", include("payments.urls")),
    path("", include("textpay.company.urls")),
    path("api/v1/", include("textpay.api")),
]
