from django.urls import path

from sms import inbox_views, optout_views

app_name = "replies"
urlpatterns = [
    path("messages/", inbox_views.index, name="inbox"),
    path("messages/count/", inbox_views.count, name="count"),
    path("messages/review/", optout_views.review, name="review"),
    path("messages/opt-outs/", optout_views.index, name="opt_outs"),
    path("messages/opt-outs/new/", optout_views.create, name="opt_out"),
    path("messages/opt-outs/<int:pk>/resume/", optout_views.resume, name="resume"),
    path("messages/<uuid:public_id>/", inbox_views.conversation, name="conversation"),
    path("messages/<uuid:public_id>/live/", inbox_views.live, name="live"),
    path("messages/<uuid:public_id>/answer/", inbox_views.answer, name="answer"),
    path("messages/<uuid:public_id>/unread/", inbox_views.unread, name="unread"),
    path("messages/<uuid:public_id>/refusal/", inbox_views.decide, name="decide"),
    path("messages/<uuid:public_id>/opt-out/", inbox_views.stop, name="stop"),
    path("customers/<uuid:public_id>/opt-out/", optout_views.from_customer, name="from_customer"),
]
