"""Texts. textpay/pages/urls.py adds the check of a bulk send, which gets the list's filters."""

from django.urls import path

from sms.bulk import views as bulk_views
from sms.reminders import views as reminder_views
from sms.staff import views

app_name = "sms"
urlpatterns = [
    path("invoices/<uuid:public_id>/text/", views.send, name="send"),
    path("invoices/<uuid:public_id>/text/check/", views.check_number, name="check"),
    path("texts/<uuid:public_id>/cancel/", views.cancel, name="cancel"),
    path("reminders/", reminder_views.index, name="reminders"),
    path("reminders/live/", reminder_views.live, name="reminders_live"),
    path("reminders/clock/", reminder_views.move_calendar, name="move_calendar"),
    path("bulk-sends/", bulk_views.index, name="bulk_list"),
    path("bulk-sends/<uuid:public_id>/", bulk_views.progress, name="bulk"),
    path("bulk-sends/<uuid:public_id>/live/", bulk_views.live, name="bulk_live"),
    path("bulk-sends/<uuid:public_id>/results.csv", bulk_views.export, name="bulk_csv"),
    *[
        path(
            f"bulk-sends/<uuid:public_id>/{move}/",
            bulk_views.change,
            {"move": move},
            name=f"bulk_{move.replace('-', '_')}",
        )
        for move in ("pause", "go-on", "stop")
    ],
]
