"""Addresses of this app that belong to no company."""

from django.urls import path

from tenants import public, views

app_name = "tenants"
urlpatterns = [
    path("brand/<str:color>.css", public.brand_css, name="brand_css"),
    path("here/", views.here, name="here"),
]
