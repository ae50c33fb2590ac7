"""Addresses of Pay Now, which needs no sign-in."""

from django.urls import path

from invoices.link_tokens import FOLDER
from payments.checkout import public

app_name = "payments"
urlpatterns = [
    path(f"{FOLDER}<str:token>/", public.pay, name="pay"),
    path(f"{FOLDER}<str:token>/fee/", public.fee, name="fee"),
    path(f"{FOLDER}<str:token>/opened/", public.opened, name="opened"),
    path(f"{FOLDER}<str:token>/<uuid:payment>/", public.pay_status, name="pay_status"),
]
