"""Sending a text at the fake Twilio: the checks of a create call, then the plan of its way."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from sandbox import gsm7, outcomes
from sandbox.models import Account, Hop, Message, OptOut, note

E164 = re.compile(r"\+[1-9]\d{6,14}")
NANP = re.compile(r"\+1[2-9]\d{9}")
ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
PRICE_PER_SEGMENT = 0.0079


class Refused(Exception):
    """Twilio refuses the call: carries its error code and the message text."""

    def __init__(self, code: int, **values: str) -> None:
        super().__init__(code)
        self.code = code
        self.text = outcomes.text_of(code, **values)


def create(account: Account, form: QueryDict) -> Message:
    """Check a create call and queue the text; raises Refused."""
    to, sender, service = check_parties(account, form)
    body = check_body(form)
    callback = check_callback(form.get("StatusCallback", ""))
    send_at = check_schedule(form, service)
    with transaction.atomic():
        check_recipient(account, to, sender, service)
        message = Message.objects.create(
            account=account,
            to_number=to,
            from_number=sender,
            service_sid=service,
            body=body,
            phone_body=body,
            status="scheduled" if send_at else "accepted" if service else "queued",
            segments=0 if service else gsm7.segments(body),
            callback_url=callback,
            send_at=send_at,
        )
        plan_way(message)
        note("message", message.sid, to=to, status=message.status)
    return message


def check_parties(account: Account, form: QueryDict) -> tuple[str, str, str]:
    """Return (to, from, service) when all three are possible."""
    to, sender = form.get("To", "").strip(), form.get("From", "").strip()
    service = form.get("MessagingServiceSid", "").strip()
    if not to:
        raise Refused(21604)
    if not sender and not service:
        raise Refused(21603)
    if not E164.fullmatch(to) or (to.startswith("+1") and not NANP.fullmatch(to)):
        raise Refused(21211, to=to)
    if service and service not in account.services:
        raise Refused(21705, service=service)
    if sender:
        check_sender(account, sender)
    if sender == to:
        raise Refused(21266, to=to)
    return to, sender, service


def check_sender(account: Account, sender: str) -> None:
    """Refuse a From that is no number, magic, or not this account's."""
    if sender in outcomes.MAGIC_FROM:
        raise Refused(outcomes.MAGIC_FROM[sender], sender=sender)
    if sender == outcomes.MAGIC_FROM_OK or (sender in account.numbers and not account.test):
        return
    if not E164.fullmatch(sender) and not ALPHANUMERIC.fullmatch(sender):
        raise Refused(21212, sender=sender)
    others = Account.objects.exclude(pk=account.pk)
    if not account.test and any(sender in other.numbers for other in others):
        raise Refused(21660, sender=sender, account=account.sid)
    raise Refused(21606, sender=sender)


def check_body(form: QueryDict) -> str:
    """Return the body when there is one and it is not too long."""
    body = form.get("Body", "")
    if not body and not form.getlist("MediaUrl") and not form.get("ContentSid"):
        raise Refused(21602)
    if len(body) > 1600:
        raise Refused(21617)
    validity = form.get("ValidityPeriod", "")
    if validity and not (validity.isdigit() and 1 <= int(validity) <= 36000):
        raise Refused(21624)
    return body


def check_callback(url: str) -> str:
    """Return the status callback URL when it is absolute http(s) with a usable host."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Refused(21609, url=url) from None
    if parts.scheme not in ("http", "https") or not host or "_" in host or len(url) > 4000:
        raise Refused(21609, url=url)
    return url


def check_schedule(form: QueryDict, service: str) -> datetime | None:
    """Return when to send later; without a service Twilio silently sends now."""
    kind, send_at = form.get("ScheduleType", ""), form.get("SendAt", "")
    if not kind or not service:
        return None
    if kind != "fixed":
        raise Refused(35126)
    if not send_at:
        raise Refused(35111)
    try:
        moment = parse_datetime(send_at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused(35117)
    ahead = moment - timezone.now()
    if not timedelta(seconds=900) <= ahead <= timedelta(days=35):
        raise Refused(35114)
    return moment


def check_recipient(account: Account, to: str, sender: str, service: str) -> None:
    """Refuse magic and control numbers that fail at once, and phones that said STOP."""
    code = outcomes.MAGIC_TO.get(to, 0)
    planned = outcomes.plan_for(to).create
    if planned.isdigit():
        code = int(planned)
    scopes = [scope for scope in (sender, service) if scope]
    if OptOut.objects.filter(account=account, sender__in=scopes, phone=to).exists():
        code = 21610
    if code:
        raise Refused(code, to=to, sender=sender)


def plan_way(message: Message) -> None:
    """Write down every step this text will take, so that a restart forgets none."""
    if message.account.test:
        return
    plan = outcomes.plan_for(message.to_number)
    step = timedelta(seconds=settings.DELIVERY_SECONDS)
    at = message.send_at or timezone.now()
    statuses = ["queued"] if message.service_sid else []
    statuses += ["sending"] if plan.final == "failed" else ["sending", "sent"]
    statuses += [plan.final] if plan.final != "sent" else []
    for number, status in enumerate(statuses, 1):
        last = number == len(statuses)
        data = {"order": plan.order, "error": plan.error if last else 0, "last": last}
        Hop.objects.create(message=message, due_at=at + step * number, status=status, plan=data)
    # The price is filled in some time after the text has come to rest.
    Hop.objects.create(message=message, due_at=at + step * (len(statuses) + 1), status="")


def cancel(message: Message) -> None:
    """Cancel a text that has not left yet; raises Refused (30409)."""
    with transaction.atomic():
        message.refresh_from_db()
        if message.status not in ("scheduled", "accepted", "queued"):
            raise Refused(30409)
        message.hops.all().delete()
        message.status = "canceled"
        message.save()
        note("message", message.sid, status="canceled")


def redact(message: Message) -> None:
    """Empty the body in the record; the copy on the phone stays. Refuses texts under way."""
    with transaction.atomic():
        message.refresh_from_db()
        if message.status in ("scheduled", "accepted", "queued", "sending"):
            raise Refused(20009)
        message.body = ""
        message.save()
        note("message", message.sid, redacted=True)
