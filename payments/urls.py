"""Addresses of the staff pages about payments."""

from django.urls import path

from payments.staff import reconciliation_views, views

app_name = "payments"
urlpatterns = [
    path("payments/", reconciliation_views.index, name="list"),
    path("payments/match/", reconciliation_views.match, name="match"),
    path("payments/match/now/", reconciliation_views.match_now, name="match_now"),
    path(
        "payments/match/<uuid:public_id>/book/", reconciliation_views.match_book, name="match_book"
    ),
    path(
        "payments/match/<uuid:public_id>/keep/", reconciliation_views.match_keep, name="match_keep"
    ),
    path("payments/match/<uuid:public_id>/ask/", reconciliation_views.match_ask, name="match_ask"),
    path(
        "payments/match/<uuid:public_id>/refund/",
        reconciliation_views.match_refund,
        name="match_refund",
    ),
    path(
        "payments/match/<uuid:public_id>/seen/", reconciliation_views.match_seen, name="match_seen"
    ),
    path("invoices/<uuid:public_id>/record-payment/", views.record, name="record"),
    path("payments/<uuid:public_id>/give-back/", views.give_back, name="give_back"),
    path("payments/<uuid:public_id>/void/", views.void_record, name="void_record"),
    path("payments/<uuid:public_id>/ask/", views.ask_payment, name="ask"),
    path("refunds/<uuid:public_id>/ask/", views.ask_refund, name="ask_refund"),
    path("refunds/<uuid:public_id>/repaid/", views.repaid, name="repaid"),
    path("refunds/<uuid:public_id>/release/", views.release, name="release"),
]
