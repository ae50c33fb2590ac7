from django.urls import path

from sms import views, webhooks

app_name = "sms"
urlpatterns = [
    path("invoices/<uuid:public_id>/text/", views.send, name="send"),
    path(
        "webhooks/twilio/status/<uuid:message>/", webhooks.delivery_status, name="delivery_status"
    ),
]
