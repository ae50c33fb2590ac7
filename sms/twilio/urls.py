"""Addresses that Twilio calls."""

from django.urls import path

from sms.inbox import inbound
from sms.twilio import webhooks

app_name = "sms"
urlpatterns = [
    path("webhooks/twilio/inbound/", inbound.inbound, name="inbound"),
    path(
        "webhooks/twilio/status/<uuid:message>/", webhooks.delivery_status, name="delivery_status"
    ),
]
