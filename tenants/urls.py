"""Addresses of the lowest floor. textpay/company/urls.py adds the Settings pages, which read and
change what stands on every floor, to the same "tenants" names."""

from django.urls import path

from tenants import public, views

app_name = "tenants"
urlpatterns = [
    path("brand/<slug:slug>.css", public.brand_css, name="brand_css"),
    path("here/", views.here, name="here"),
    path("switch/<slug:slug>/", views.switch, name="switch"),
]
