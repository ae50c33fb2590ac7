"""Addresses of this app. textpay/company/urls.py adds the Settings pages, which read and change
models of every app, under the same "tenants" namespace.
"""

from django.urls import path

from tenants import public, views

app_name = "tenants"
urlpatterns = [
    path("brand/<slug:slug>.css", public.brand_css, name="brand_css"),
    path("here/", views.here, name="here"),
    path("switch/<slug:slug>/", views.switch, name="switch"),
]
