"""**Messages**. textpay/pages/urls.py adds the conversation, which shows how invoices stand."""

from django.urls import path

from sms.inbox import opt_out_views, views

app_name = "replies"
urlpatterns = [
    path("messages/", views.index, name="inbox"),
    path("messages/count/", views.count, name="count"),
    path("messages/review/", opt_out_views.review, name="review"),
    path("messages/opt-outs/", opt_out_views.index, name="opt_outs"),
    path("messages/opt-outs/new/", opt_out_views.create, name="opt_out"),
    path("messages/opt-outs/<int:pk>/resume/", opt_out_views.resume, name="resume"),
    path("messages/<uuid:public_id>/unread/", views.unread, name="unread"),
    path("messages/<uuid:public_id>/refusal/", views.decide, name="decide"),
    path("messages/<uuid:public_id>/opt-out/", views.stop, name="stop"),
    path("customers/<uuid:public_id>/opt-out/", opt_out_views.from_customer, name="from_customer"),
]
