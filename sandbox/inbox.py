"""Handles a reply to a text: opt-out words, automatic answers, the webhook."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from sandbox import delivery, gsm7
from sandbox.models import Account, Message, OptOut, note

STOP_WORDS = {
    "STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT",
}  # fmt: skip
START_WORDS = {"START", "YES", "UNSTOP"}
HELP_WORDS = {"HELP", "INFO"}

ANSWERS = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages "
    "from this number. Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. "
    "Reply HELP for help. Reply STOP to unsubscribe.",
    "HELP": "Reply STOP to unsubscribe. Msg & Data Rates May Apply.",
}


def keyword(body: str) -> str:
    """Return STOP, START, HELP or "": the whole message must be one known word."""
    word = body.strip().upper()
    groups = (("STOP", STOP_WORDS), ("START", START_WORDS), ("HELP", HELP_WORDS))
    return next((name for name, words in groups if word in words), "")


def receive(
    account: Account, phone: str, sender: str, body: str, *, media: int = 0, opt_out_type: str = ""
) -> Message:
    """Receive a text from a phone at one of the account's numbers and call the product.

    `media` is the number of pictures; `opt_out_type` overrides the meaning of its words, as
    Advanced Opt-Out does with custom keywords.
    """
    service = service_of(account, phone, sender)
    with transaction.atomic():
        message = record(account, phone, sender, body, service, media)
        word = opt_out_type if opt_out_type in ANSWERS else keyword(body)
        changed = apply(word, account, phone, {sender, *account.services})
        # Texting START without having stopped gets no answer, as with any other word.
        if changed or word in ("STOP", "HELP"):
            answer(account, phone, sender, ANSWERS[word], service)
    extra: dict[str, Any] = {"OptOutType": word} if word and (service or opt_out_type) else {}
    delivery.tell_inbound(message, extra | pictures(message, media))
    return message


def pictures(message: Message, media: int) -> dict[str, str]:
    """Return the fields that tell of pictures."""
    fields = {"NumMedia": str(media)}
    for n in range(media):
        fields[f"MediaUrl{n}"] = f"https://api.twilio.com/Messages/{message.sid}/Media/ME{n:032x}"
        fields[f"MediaContentType{n}"] = "image/jpeg"
    return fields


def service_of(account: Account, phone: str, sender: str) -> str:
    """Return the Messaging Service that last wrote to this phone from this number."""
    sent = account.messages.filter(to_number=phone, from_number=sender).exclude(service_sid="")
    newest = sent.order_by("-pk").first()
    return newest.service_sid if newest else ""


def record(
    account: Account, phone: str, sender: str, body: str, service: str, media: int
) -> Message:
    """Write the incoming text; on the phone a picture is a word."""
    now = timezone.now()
    shown = " ".join([body, *["[picture]"] * media]).strip()
    message = Message.objects.create(
        account=account,
        direction="inbound",
        to_number=sender,
        from_number=phone,
        service_sid=service,
        body=body,
        phone_body=shown,
        status="received",
        segments=gsm7.segments(body),
        sent_at=now,
        on_phone_at=now,
    )
    note("message", message.sid, direction="inbound", body=body)
    return message


def apply(word: str, account: Account, phone: str, scopes: set[str]) -> bool:
    """Write or remove the opt-out; tell whether START changed anything."""
    if word == "STOP":
        for scope in scopes:
            OptOut.objects.get_or_create(account=account, sender=scope, phone=phone)
    if word == "START":
        mine = OptOut.objects.filter(account=account, sender__in=scopes, phone=phone)
        return mine.delete()[0] > 0
    return False


def answer(account: Account, phone: str, sender: str, body: str, service: str) -> None:
    """Put Twilio's automatic answer on the phone."""
    now = timezone.now()
    Message.objects.create(
        account=account,
        direction="outbound-reply",
        to_number=phone,
        from_number=sender,
        service_sid=service,
        body=body,
        phone_body=body,
        status="delivered",
        segments=gsm7.segments(body),
        sent_at=now,
        on_phone_at=now,
    )
