"""Template tags of all apps: icons, statuses, money, dates in the tenant's time zone."""

from __future__ import annotations

import datetime as dt
import re
import uuid
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from functools import cache

from django import template
from django.template.loader import get_template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SYMBOL = re.compile(r'<symbol id="(\w+)">\s*(.*?)\s*</symbol>', re.DOTALL)
LEFT = "Link expires in {0} days, {1} hours and {2} minutes"
STEPS = 4  # queued, sent, delivered, paid


@cache
def drawings() -> dict[str, SafeString]:
    """The paths of every icon in templates/_icons.svg, by name."""
    sprite = get_template("_icons.svg").render()
    return {name: mark_safe(paths) for name, paths in SYMBOL.findall(sprite)}  # noqa: S308


@register.simple_tag(takes_context=True)
def form_key(context: template.Context) -> SafeString:
    """`{% form_key %}`: the key that makes a form that is sent twice make one thing.

    A form that comes back with errors keeps its key.
    """
    sent = context["request"].POST.get("key", "")
    key = sent if UUID.fullmatch(sent) else uuid.uuid4()
    return format_html('<input type="hidden" name="key" value="{}">', key)


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """`{% icon "send" %}`: the icon in the color of its text; a second word adds a class."""
    return format_html(
        '<svg class="i {}" width="20" height="20" viewBox="0 0 24 24" fill="none"'
        ' stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"'
        ' aria-hidden="true">{}</svg>',
        extra,
        drawings()[name],
    )


@register.simple_tag
def chip(tone: str, name: str, words: str) -> SafeString:
    """`{% chip "good" "check" "Paid" %}`: a status, always an icon and a word."""
    return format_html('<span class="chip {}">{}{}</span>', tone, icon(name), words)


@register.simple_tag
def dots(done: int, failed: bool = False) -> SafeString:
    """`{% dots 3 %}`: how many of the steps a text has reached; `failed` marks the last one red."""

    def shown(step: int) -> str:
        return "off" if failed and step == done - 1 else "on" if step < done else ""

    links = format_html_join(
        "",
        '<path d="M{} 5h5.5" class="{}"/>',
        ((9.5 + 14.5 * step, "on" if step + 1 < done else "") for step in range(STEPS - 1)),
    )
    circles = format_html_join(
        "",
        '<circle cx="{}" cy="5" r="3.4" class="{}"/>',
        ((5 + 14.5 * step, shown(step)) for step in range(STEPS)),
    )
    return format_html(
        '<svg class="dots" viewBox="0 0 53.5 10" width="53.5" height="10" aria-hidden="true">'
        "{}{}</svg>"
        '<span class="vh">{} of {} steps{}</span>',
        links,
        circles,
        done,
        STEPS,
        ", the last step failed" if failed else "",
    )


@register.filter
def money(amount: Decimal | None) -> str:
    """1640 -> $1,640.00, with a real minus sign before the dollar."""
    value = amount or Decimal(0)
    return f"{'−' if value < 0 else ''}${abs(value):,.2f}"


@register.filter
def quantity(value: Decimal) -> str:
    """2.00 -> 2, 0.75 -> 0.75"""
    return f"{value:,.2f}".removesuffix(".00")


@register.filter
def ending(number: str) -> str:
    """A phone number on a public page: "ending in 42", nothing more."""
    return f"ending in {number[-2:]}"


@register.filter
def initials(name: str) -> str:
    """Two letters for the round mark beside a name."""
    return "".join(word[0] for word in name.split()[:2]).upper()


@register.filter
def plural(count: int, word: str) -> str:
    """3|plural:"open invoice" -> 3 open invoices."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def zone_of(context: template.Context) -> dt.tzinfo:
    """The tenant's time zone, in which all of its times are shown; UTC without a tenant."""
    tenant = context.get("tenant")
    return tenant.zone if tenant else zoneinfo.ZoneInfo("UTC")


def full(moment: dt.datetime) -> str:
    """Mon, Nov 23, 2026, 10:14 AM EST, for a moment already in its zone."""
    return f"{moment:%a, %b} {moment.day}, {moment.year}, {clock(moment)} {moment:%Z}"


def clock(moment: dt.datetime) -> str:
    """10:14 AM"""
    return f"{moment.hour % 12 or 12}:{moment:%M %p}"


def brief(moment: dt.datetime) -> str:
    """Today, 8:41 AM; this year without the year."""
    today = timezone.now().astimezone(moment.tzinfo).date()
    if moment.date() == today:
        return f"Today, {clock(moment)}"
    if moment.date() == today - dt.timedelta(days=1):
        return f"Yesterday, {clock(moment)}"
    return f"{date(moment.date(), today)}, {clock(moment)}"


def said(moment: dt.datetime) -> str:
    """The same for the middle of a sentence: today at 8:41 AM; on Nov 20 at 8:41 AM."""
    day, _, time = brief(moment).rpartition(", ")
    return f"{day.lower() if day in ('Today', 'Yesterday') else f'on {day}'} at {time}"


def date(day: dt.date, today: dt.date) -> str:
    """Nov 20 in the present year, else Nov 20, 2025."""
    year = "" if day.year == today.year else f", {day.year}"
    return f"{day:%b} {day.day}{year}"


@register.simple_tag(takes_context=True)
def when(context: template.Context, moment: dt.datetime | None) -> SafeString | str:
    """`{% when m.sent_at %}`: Mon, Nov 23, 2026, 10:14 AM EST, as a <time>."""
    return _time(context, moment, full)


@register.simple_tag(takes_context=True)
def when_short(context: template.Context, moment: dt.datetime | None) -> SafeString | str:
    """`{% when_short m.sent_at %}`: Today, 8:41 AM, as a <time>."""
    return _time(context, moment, brief)


@register.simple_tag(takes_context=True)
def when_said(context: template.Context, moment: dt.datetime | None) -> SafeString | str:
    """`Sent {% when_said m.sent_at %} by`: today at 8:41 AM, as a <time>, within a sentence."""
    return _time(context, moment, said)


@register.simple_tag(takes_context=True)
def at(context: template.Context, moment: dt.datetime | None) -> SafeString | str:
    """`{% at m.sent_at %}`: Mon 10:14:03 AM, as a <time>, for the steps of the rail."""
    return _time(context, moment, lambda m: f"{m:%a} {m.hour % 12 or 12}:{m:%M:%S %p}")


def _time(
    context: template.Context, moment: dt.datetime | None, write: Callable[[dt.datetime], str]
) -> SafeString | str:
    if moment is None:
        return ""
    local = moment.astimezone(zone_of(context))
    stamp = local.isoformat("T", "seconds")
    return format_html('<time datetime="{}">{}</time>', stamp, write(local))


@register.simple_tag(takes_context=True)
def day(context: template.Context, value: dt.date | None, year: bool = False) -> str:
    """`{% day invoice.due_on %}`: Dec 20, with the year when it is another one or asked for."""
    if value is None:
        return ""
    if year:
        return f"{value:%b} {value.day}, {value.year}"
    return date(value, timezone.now().astimezone(zone_of(context)).date())


@register.simple_tag
def countdown(until: dt.datetime) -> SafeString:
    """`{% countdown link.expires_at %}`: the remaining time, to the second; js/timer.js continues
    it.

    The part between the two comments differs in every rendering; tenants/live.py leaves it out of
    the comparison.
    """
    left = max(int((until - timezone.now()).total_seconds()), 0)
    parts = [left // 86400, left // 3600 % 24, left // 60 % 60, left % 60]
    tiles = format_html_join(
        "",
        "<span><b>{}</b>{}</span>",
        (
            (f"{value:02}" if name != "days" else value, name)
            for value, name in zip(parts, ("days", "hours", "min", "sec"), strict=True)
        ),
    )
    return format_html(
        '<div data-until="{}" data-left="{}" data-over="Link expired"><!--live-->'
        '<p class="vh">{}</p>'
        '<div class="timer{}" aria-hidden="true">{}</div><!--/live--></div>',
        until.isoformat(),
        LEFT,
        LEFT.format(*parts),
        " soon" if left < 86400 else "",
        tiles,
    )
