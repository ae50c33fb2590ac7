"""The customer's phone: a page that shows the texts a number received and lets it answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import SafeString

from sandbox import inbox
from sandbox.models import Account, Message

LINK = re.compile(r"(https?://[^\s<>\"]+[^\s<>\".,;:!?)\]'])")


@dataclass
class Bubble:
    """One text as drawn: its words with links, whose it is, and a time above it if due."""

    text: SafeString
    mine: bool
    when: str
    iso: str


def pretty(number: str) -> str:
    """Return (978) 555-0142 for a North American number, any other as it is."""
    match = re.fullmatch(r"\+1(\d{3})(\d{3})(\d{4})", number)
    return "({}) {}-{}".format(*match.groups()) if match else number


def linked(text: str) -> SafeString:
    """Return the text with its web addresses as links, everything else escaped."""
    parts = []
    for place, part in enumerate(LINK.split(text)):
        shape = '<a href="{0}" target="_blank" rel="noopener">{0}</a>' if place % 2 else "{}"
        parts.append((SafeString(shape.format(conditional_escape(part))),))
    return format_html_join("", "{}", parts)


def on_phone() -> Any:
    """Return the texts that arrived at some phone."""
    return Message.objects.exclude(on_phone_at=None)


def phones() -> list[dict[str, Any]]:
    """Return the numbers that got texts, newest first, with how many each got."""
    got = on_phone().exclude(direction="inbound").values("to_number")
    rows = got.annotate(count=Count("pk"), newest=Max("on_phone_at")).order_by("-newest")[:200]
    return [
        {"number": r["to_number"], "label": pretty(r["to_number"]), "count": r["count"]}
        for r in rows
    ]


def senders(phone: str) -> list[dict[str, str]]:
    """Return who wrote to this phone, newest first, with a name guessed from the text."""
    got = on_phone().filter(to_number=phone).exclude(direction="inbound")
    newest = got.values("from_number").annotate(newest=Max("pk")).order_by("-newest")
    last = Message.objects.in_bulk([row["newest"] for row in newest])
    rows = [last[row["newest"]] for row in newest]
    return [contact(row, got) for row in rows]


def contact(message: Message, got: Any) -> dict[str, str]:
    """Describe a sender; firms start their texts with their name and a colon."""
    mine = got.filter(from_number=message.from_number, direction="outbound-api")
    first = mine.order_by("-pk").first() or message
    match = re.match(r"([^:\n]{2,40}): ", first.phone_body)
    name = match.group(1) if match else ""
    words = [word for word in re.findall(r"[A-Za-z0-9]+", name) if word]
    return {
        "number": message.from_number,
        "label": pretty(message.from_number),
        "name": name,
        "initials": "".join(word[0] for word in words[:2]).upper(),
    }


def bubbles(phone: str, sender: str) -> list[Bubble]:
    """Return the conversation, oldest first, at most its last two hundred texts."""
    ours = Q(to_number=phone, from_number=sender) | Q(to_number=sender, from_number=phone)
    rows = list(on_phone().filter(ours).order_by("-on_phone_at", "-pk")[:200])[::-1]
    drawn, before = [], None
    for row in rows:
        at = timezone.localtime(row.on_phone_at)
        due = before is None or at - before > timedelta(hours=1)
        when = spoken(at) if due else ""
        drawn.append(Bubble(linked(row.phone_body), row.from_number == phone, when, at.isoformat()))
        before = at
    return drawn


def spoken(moment: Any) -> str:
    """Return "Today 9:03 AM", "Yesterday 10:14 AM" or "Nov 20, 9:03 AM"."""
    days = (timezone.localdate() - moment.date()).days
    day = {0: "Today", 1: "Yesterday"}.get(days, f"{moment:%b} {moment.day},")
    return f"{day} {moment:%I:%M %p}".replace(" 0", " ")


def state(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows: the chosen phone and conversation, or the newest."""
    listed = phones()
    numbers = [row["number"] for row in listed]
    chosen = "+" + re.sub(r"\D", "", request.GET.get("phone", ""))
    if len(chosen) == 11:
        chosen = "+1" + chosen[1:]
    shown = chosen if chosen != "+" else numbers[0] if numbers else ""
    if shown and shown not in numbers:
        listed.insert(0, {"number": shown, "label": pretty(shown), "count": 0})
    writers = senders(shown) if shown else []
    wanted = [w for w in writers if w["number"] == request.GET.get("with", "").replace(" ", "+")]
    writer = next(iter(wanted or writers), None)
    newest = on_phone().aggregate(newest=Max("pk"))["newest"] or 0
    arrived = on_phone().count()
    return {
        "phones": listed,
        "shown": shown,
        "shown_label": pretty(shown),
        "senders": writers,
        "sender": writer,
        "bubbles": bubbles(shown, writer["number"]) if writer else [],
        "version": f"{newest}-{arrived}",
        "product_url": settings.PRODUCT_URL,
    }


def page(request: HttpRequest) -> HttpResponse:
    """GET /phone?phone=+1…&with=+1…: both are optional, the newest conversation is shown."""
    return render(request, "sandbox/phone.html", state(request) | {"here": "phone"})


def thread(request: HttpRequest) -> HttpResponse:
    """GET /phone/thread: what changed since `version`, for the page's quiet refresh."""
    now = state(request)
    if now["version"] == request.GET.get("version"):
        return HttpResponse(status=204)
    return JsonResponse(
        {
            "version": now["version"],
            "shown": now["shown"],
            "sender": (now["sender"] or {}).get("number", ""),
            "newest": now["phones"][0]["number"] if now["phones"] else "",
            "chat": render_to_string("sandbox/_chat.html", now, request),
            "options": render_to_string("sandbox/_options.html", now, request),
        }
    )


def reply(request: HttpRequest) -> HttpResponse:
    """POST /phone/reply: the person on the phone answers a sender, maybe with pictures.

    `opt_out_type` (STOP, START or HELP) is what Advanced Opt-Out would make of a word of its own.
    """
    number, sender = request.POST.get("phone", ""), request.POST.get("with", "")
    body = request.POST.get("body", "").strip()[:1600]
    pictures = request.POST.get("pictures", "")
    media = min(int(pictures), 10) if re.fullmatch("[0-9]{1,2}", pictures) else 0
    owner = next((a for a in Account.objects.all() if sender in a.numbers), None)
    if owner is None:
        wrote = Message.objects.filter(to_number=number, from_number=sender).order_by("-pk")
        last = wrote.select_related("account").first()
        owner = last.account if last else None
    if request.method != "POST" or owner is None or not number:
        return HttpResponse("No one to reply to.", status=400)
    if body or media:
        kind = request.POST.get("opt_out_type", "")
        inbox.receive(owner, number, sender, body, media=media, opt_out_type=kind)
    return HttpResponseRedirect("/phone?" + urlencode({"phone": number, "with": sender}))
