"""The Settings pages."""

from django.urls import path

from textpay.company import reminders, views

app_name = "tenants"
urlpatterns = [
    path("settings/", views.settings, name="settings"),
    path("settings/company/", views.company, name="company"),
    path("settings/texts/", views.texts, name="texts"),
    path("settings/texts/rules/", views.text_rules, name="text_rules"),
    path("settings/texts/request/", views.request_text_to_pay, name="request_text_to_pay"),
    path("settings/reminders/", reminders.index, name="reminders"),
    path("settings/reminders/preview/", reminders.preview, name="reminder_preview"),
    path("settings/reminders/steps/new/", reminders.new, name="reminder_new"),
    path("settings/reminders/steps/<uuid:public_id>/", reminders.edit, name="reminder_edit"),
    path(
        "settings/reminders/steps/<uuid:public_id>/remove/",
        reminders.remove,
        name="reminder_remove",
    ),
    path("settings/payments/", views.payments, name="payments"),
    path("settings/payments/money-back/", views.money_back, name="money_back"),
    path("settings/people/", views.people, name="people"),
    path("settings/people/invite/", views.invite, name="invite"),
    path("settings/people/<uuid:public_id>/", views.person, name="person"),
    path("settings/roles/new/", views.new_role, name="new_role"),
    path("settings/roles/<str:name>/", views.role, name="role"),
]
