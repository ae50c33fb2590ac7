"""Every address of the sandbox: the vendors' own paths first, then our pages and controls."""

from django.urls import path
from django.views.generic import RedirectView

from sandbox import cardsecure, control, gateway, ledger, lookup, phone, twilio

API = "2010-04-01/Accounts/<str:sid>"

urlpatterns = [
    path("cardconnect/rest/<path:path>", gateway.endpoint),
    path("cardconnect/rest/", gateway.endpoint, {"path": ""}),
    path("cardconnect/rest", gateway.endpoint, {"path": ""}),
    path("cardsecure/api/v1/ccn/tokenize", cardsecure.tokenize),
    path("cardsecure/api/v1/echo", cardsecure.echo),
    path("itoke/ajax-tokenizer.html", cardsecure.tokenizer),
    path("itoke/frame.css", cardsecure.stylesheet),
    path(f"{API}.json", twilio.account),
    path(f"{API}/Messages.json", twilio.messages),
    path(f"{API}/Messages/<str:message_sid>/Media.json", twilio.media),
    path(f"{API}/Messages/<str:message_sid>/Feedback.json", twilio.feedback),
    path(f"{API}/Messages/<str:message_sid>.json", twilio.message),
    path(f"{lookup.VERSION}/PhoneNumbers/<str:e164>", lookup.number),
    path("", RedirectView.as_view(url="/phone")),
    path("phone", phone.page),
    path("phone/", phone.page),
    path("phone/thread", phone.thread),
    path("phone/reply", phone.reply),
    path("ledger", ledger.page),
    path("ledger/close-batch", ledger.close),
    path("ledger/fund", ledger.fund),
    path("ledger/return", ledger.return_payment),
    path("integrated-payments", ledger.application),
    path("mail", ledger.mailbox),
    path("mail/<int:number>", ledger.mailbox),
    path("mail/<int:number>/body", ledger.mail_body),
    path("sandbox/ledger.json", control.ledger),
    path("sandbox/reset", control.reset),
    path("sandbox/faults", control.faults),
    path("sandbox/fault-plan", control.fault_plan),
    path("sandbox/clock", control.move_clock),
    path("sandbox/switches", control.switches),
    path("sandbox/state", control.state),
    path("sandbox/merchants", control.merchants),
    path("sandbox/twilio-accounts", control.accounts),
    path("sandbox/past", control.tell_past),
    path("sandbox/close-batch", control.close_batch),
    path("sandbox/fund", control.fund),
    path("sandbox/return", control.return_payment),
    path("sandbox/incoming", control.incoming),
    path("healthz", control.health),
]
