"""Numbers that misbehave on purpose: Twilio's magic numbers and this sandbox's control numbers.

A control number ends in 555 01NN within area code 907 (a valid, fictional number that passes
any phone check), or is +1 555 010 00NN. NN chooses what happens, see CONTROL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# To-numbers that Twilio's own documentation reserves: number -> error code.
MAGIC_TO = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
MAGIC_FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
MAGIC_FROM_OK = "+15005550006"

MESSAGES = {
    20003: "Authenticate",
    20009: "Resource is not in a deletable or redactable state",
    20404: "The requested resource {path} was not found",
    20429: "Too Many Requests",
    20500: "An internal server error has occurred",
    21211: "The 'To' number {to} is not a valid phone number.",
    21212: "The 'From' number {sender} is not a valid phone number, shortcode, or "
    "alphanumeric sender ID.",
    21266: "'To' and 'From' number cannot be the same: {to}",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the "
    "'To' number: {to}.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' phone number {sender} is not a valid, message-capable Twilio phone number.",
    21609: "Invalid 'StatusCallback' URL: {url}",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "Message cannot be sent with the current combination of 'To' ({to}) and/or 'From' "
    "({sender}) parameters",
    21614: "'To' number: {to}, is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit.",
    21624: "The ValidityPeriod value is out of range",
    21660: "Mismatch between the 'From' number {sender} and the account {account}",
    21705: "The Messaging Service Sid {service} is invalid.",
    30400: "Only an empty Body or Status=canceled may be sent, and not both",
    30409: "Message cannot be canceled in its current state",
    35111: "SendAt is required for a scheduled message",
    35114: "SendAt must be between 900 seconds and 35 days in the future",
    35117: "SendAt is not a valid ISO-8601 time",
    35118: "MessagingServiceSid is required to schedule a message",
    35126: "Unsupported ScheduleType",
}
STATUS_OF = {20003: 401, 20009: 409, 20404: 404, 20429: 429, 20500: 500, 30409: 409}


CONTROL_NUMBER = re.compile(r"\+1(?:90755501|55501000)(\d\d)")


@dataclass(frozen=True)
class Plan:
    """What becomes of one text: its final status and how the world reports it."""

    final: str = "delivered"
    error: int = 0
    order: str = "normal"  # normal, reversed, twice, silent, bare
    create: str = ""  # what happens to the API call itself
    once: bool = False


CONTROL = {
    "00": Plan(),
    "01": Plan("failed", 30001),
    "03": Plan("undelivered", 30003),
    "04": Plan("undelivered", 30004),
    "05": Plan("undelivered", 30005),
    "06": Plan("undelivered", 30006),
    "07": Plan("undelivered", 30007),
    "08": Plan("failed", 30008),
    "09": Plan("failed", 21610),
    "10": Plan("sent"),
    "11": Plan(order="reversed"),
    "12": Plan(order="twice"),
    "13": Plan(order="silent"),
    "14": Plan("undelivered", 30003, order="bare"),
    "15": Plan("undelivered", 30034),
    "16": Plan("failed", 30022),
    "20": Plan(create="http_429", once=True),
    "21": Plan(create="drop_after"),
    "22": Plan(create="slow"),
    "23": Plan(create="http_500_after"),
    "24": Plan(create="drop_before", once=True),
    "25": Plan(create="http_429_wait", once=True),
    "26": Plan(create="html"),
    "27": Plan(create="html_500"),
    "30": Plan(create="21610"),
    "31": Plan(create="21614"),
    "32": Plan(create="21211"),
    "33": Plan(create="21408"),
    "34": Plan(create="21612"),
}


def plan_for(number: str) -> Plan:
    """Return the plan of a control number; every other number delivers."""
    match = CONTROL_NUMBER.fullmatch(number)
    return CONTROL.get(match.group(1), Plan()) if match else Plan()


@dataclass(frozen=True)
class Line:
    """What Lookup tells of a number, and what happens to the call itself."""

    line: str | None = "mobile"
    carrier: str | None = "Sandbox Wireless"
    spoil: str = ""


LINES = {
    "40": Line("landline", "Sandbox Telephone"),
    "41": Line("fixedVoip", "Sandbox Cable"),
    "42": Line("nonFixedVoip", "Sandbox Internet Phone"),
    "43": Line("tollFree", None),
    "44": Line("pager", "Sandbox Paging"),
    "45": Line(None, None),
    "46": Line(spoil="http_500_after"),
    "47": Line(spoil="slow"),
    "48": Line(spoil="html"),
    "49": Line(spoil="drop_after"),
}


def lookup_of(number: str) -> Line:
    """Return what Lookup tells of a control number; every other number is a mobile."""
    match = CONTROL_NUMBER.fullmatch(number)
    return LINES.get(match.group(1), Line()) if match else Line()


def text_of(code: int, **values: str) -> str:
    """Return the message for an error code; values fill the numbers in."""
    blanks = {"to": "", "sender": "", "url": "", "service": "", "path": "", "account": ""}
    return MESSAGES.get(code, "The request could not be processed").format(**blanks | values)
