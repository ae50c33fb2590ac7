"""Pay Now, which needs no login, and what staff do with payments."""

from django.urls import path

from payments import public, views

app_name = "payments"
urlpatterns = [
    path("invoices/<uuid:public_id>/record-payment/", views.record, name="record"),
    path("payments/<uuid:public_id>/give-back/", views.give_back, name="give_back"),
    path("payments/<uuid:public_id>/void/", views.void_record, name="void_record"),
    path("refunds/<uuid:public_id>/release/", views.release, name="release"),
    path("p/<str:token>/", public.pay, name="pay"),
    path("p/<str:token>/<uuid:payment>/", public.pay_status, name="pay_status"),
]
