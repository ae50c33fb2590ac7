from django.urls import path

from customers import views

app_name = "customers"
urlpatterns = [
    path("customers/", views.index, name="list"),
    path("customers/new/", views.create, name="create"),
    path("customers/<uuid:public_id>/", views.detail, name="detail"),
    path("customers/<uuid:public_id>/live/", views.live, name="live"),
    path("customers/<uuid:public_id>/edit/", views.edit, name="edit"),
    path("customers/<uuid:public_id>/reminders/", views.reminders, name="reminders"),
    path("customers/<uuid:public_id>/contacts/", views.contacts, name="contacts"),
    path("customers/<uuid:public_id>/contacts/new/", views.contact_create, name="contact_create"),
    path("contacts/<uuid:public_id>/edit/", views.contact_edit, name="contact_edit"),
]
