"""Addresses of the pages composed here, in the namespaces of the apps they belong to.

A view of a lower app that needs something of an upper one gets it from here as a function.
"""

from __future__ import annotations

from django.urls import path

from customers import urls as customer_urls
from invoices import urls as invoice_urls
from invoices import views as invoice_views
from payments.models import payment_state
from sms import urls as sms_urls
from sms.bulk import views as bulk_views
from sms.inbox import urls as inbox_urls
from sms.inbox import views as inbox_views
from textpay.pages import customer, invoice_details, invoice_list
from textpay.pages.invoice_filters import find
from textpay.pages.status_summary import newest_of

PAYMENTS = {"read_payments": payment_state}
SUMMARIES = {"summaries": newest_of}

CUSTOMERS = [
    *customer_urls.urlpatterns,
    path("customers/<uuid:public_id>/", customer.detail, name="detail"),
    path("customers/<uuid:public_id>/live/", customer.live, name="live"),
    path("customers/<uuid:public_id>/contacts/", customer.contacts, name="contacts"),
]
INVOICES = [
    *invoice_urls.urlpatterns,
    path("invoices/", invoice_list.index, name="list"),
    path("invoices/<uuid:public_id>/", invoice_details.detail, name="detail"),
    path("invoices/<uuid:public_id>/live/", invoice_details.live, name="live"),
    path("invoices/<uuid:public_id>/edit/", invoice_views.edit, PAYMENTS, name="edit"),
    path("invoices/<uuid:public_id>/void/", invoice_views.void, PAYMENTS, name="void"),
]
SMS = [
    *sms_urls.urlpatterns,
    path("invoices/text-many/", bulk_views.check, {"find": find}, name="text_many"),
]
MESSAGES = [
    *inbox_urls.urlpatterns,
    path(
        "messages/<uuid:public_id>/",
        inbox_views.conversation,
        SUMMARIES,
        name="conversation",
    ),
    path("messages/<uuid:public_id>/live/", inbox_views.live, SUMMARIES, name="live"),
    path("messages/<uuid:public_id>/answer/", inbox_views.answer, SUMMARIES, name="answer"),
]
