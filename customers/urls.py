"""The list of customers and the forms. textpay/pages/urls.py adds the page of a customer."""

from django.urls import path

from customers import views

app_name = "customers"
urlpatterns = [
    path("customers/", views.index, name="list"),
    path("customers/new/", views.create, name="create"),
    path("customers/<uuid:public_id>/edit/", views.edit, name="edit"),
    path("customers/<uuid:public_id>/reminders/", views.reminders, name="reminders"),
    path("customers/<uuid:public_id>/contacts/new/", views.contact_create, name="contact_create"),
    path("contacts/<uuid:public_id>/edit/", views.contact_edit, name="contact_edit"),
]
