"""Staff addresses of an invoice. textpay/pages/urls.py adds the pages that show texts and
payments, and the verbs that depend on the payments.
"""

from django.urls import path

from invoices import letter_views, views

app_name = "invoices"
urlpatterns = [
    path("invoices/new/", views.create, name="create"),
    path("invoices/<uuid:public_id>/promise/", views.promise, name="promise"),
    path("invoices/<uuid:public_id>/send-email/", views.send_email, name="send_email"),
    path("invoices/<uuid:public_id>/letter/", letter_views.letter, name="letter"),
    path("invoices/<uuid:public_id>/expire-link/", views.expire_link, name="expire_link"),
]
