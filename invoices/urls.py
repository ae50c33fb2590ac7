from django.urls import path

from invoices import letter_views, views

app_name = "invoices"
urlpatterns = [
    path("invoices/", views.index, name="list"),
    path("invoices/new/", views.create, name="create"),
    path("invoices/<uuid:public_id>/", views.detail, name="detail"),
    path("invoices/<uuid:public_id>/live/", views.live, name="live"),
    path("invoices/<uuid:public_id>/edit/", views.edit, name="edit"),
    path("invoices/<uuid:public_id>/promise/", views.promise, name="promise"),
    path("invoices/<uuid:public_id>/void/", views.void, name="void"),
    path("invoices/<uuid:public_id>/send-email/", views.send_email, name="send_email"),
    path("invoices/<uuid:public_id>/letter/", letter_views.letter, name="letter"),
    path("invoices/<uuid:public_id>/expire-link/", views.expire_link, name="expire_link"),
]
