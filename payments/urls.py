"""Pay Now: addresses that need no login."""

from django.urls import path

from payments import public

app_name = "payments"
urlpatterns = [
    path("p/<str:token>/", public.pay, name="pay"),
    path("p/<str:token>/<uuid:payment>/", public.pay_status, name="pay_status"),
]
