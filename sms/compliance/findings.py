"""What the send check can find about one invoice and one number, in words for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

from customers import phones
from customers.models import PhoneChoice
from invoices import link_tokens
from invoices.models import Invoice
from sms.compliance import frequency, quiet_hours
from sms.compliance.eligibility import Reason, opted_out, why_not_asked
from sms.compliance.frequency import Sent
from sms.content import message_text
from sms.models import OptOut, TextMessage, TextRules
from sms.models.number_lookup import NO_TEXTS, WORDS
from tenants.models import Tenant
from tenants.templatetags.ui import clock, date

Level = Literal["green", "amber", "red"]
TONES: dict[Level, str] = {"green": "good", "amber": "warn", "red": "bad"}
RECENTLY = dt.timedelta(hours=24)


class Finding(NamedTuple):
    """One thing the check saw: green is good to know, amber to look at, red forbids the text."""

    level: Level
    code: str
    sentence: str

    @property
    def tone(self) -> str:
        """How pages colour it."""
        return TONES[self.level]


@dataclass(frozen=True)
class Known:
    """What the database knows, read once for all invoices of a check."""

    tenant: Tenant
    now: dt.datetime
    kind: str
    override: bool
    rules: TextRules
    no_sender: Reason | None
    opted_out: dict[str, OptOut]
    consented: frozenset[str]
    line_types: dict[str, str]
    sent: dict[int, list[Sent]]

    def moment(self, at: dt.datetime) -> str:
        """When that is, in words."""
        return moment(at, self.tenant, self.now)


class Look:
    """One invoice and one number, looked at with what is known."""

    def __init__(self, known: Known, invoice: Invoice, to: str) -> None:
        self.known, self.invoice, self.to = known, invoice, to
        self.sent = known.sent.get(invoice.pk, [])
        self.hours = quiet_hours.hours_of(to, invoice.customer, known.rules)
        self.opens = self.hours.next_open(known.now)
        self.limit = frequency.reached(self.sent, known.now)

    def findings(self) -> tuple[Finding, ...]:
        """All of them, the worst first."""
        order = ("red", "amber", "green")
        return tuple(sorted(self._all(), key=lambda finding: order.index(finding.level)))

    def _all(self) -> Iterator[Finding]:
        if reason := why_not_asked(self.invoice) or self.known.no_sender:
            yield Finding("red", reason.code, reason.sentence)
        yield from self._number()
        yield from self._wish()
        yield from self._on_file()
        yield from self._quiet_hours()
        if self.known.kind == TextMessage.Kind.INVOICE:
            yield from self._repeats()
            yield from self._link()
            yield from self._length()

    @property
    def choice(self) -> PhoneChoice | None:
        """Whose number it is, where the customer's record has it."""
        numbers = self.invoice.customer.phone_numbers()
        return next((choice for choice in numbers if choice.e164 == self.to), None)

    @property
    def who(self) -> str:
        """What to call the recipient."""
        choice = self.choice
        return (choice.contact.first_name if choice else "") or "the customer"

    def _number(self) -> Iterator[Finding]:
        line = self.known.line_types.get(self.to, "")
        if not phones.exists(self.to):
            yield Finding("red", "impossible", "No phone has this number. Check its digits.")
        elif not phones.can_text(self.to):
            yield Finding("red", "cannot_text", no_texts(phones.kind(self.to)))
        elif line in NO_TEXTS:
            yield Finding("red", "cannot_text", no_texts(WORDS.get(line, line)))
        elif line:
            yield Finding(
                "green", "line_type", f"Twilio knows it as a {WORDS.get(line, line)} number."
            )

    def _wish(self) -> Iterator[Finding]:
        if out := self.known.opted_out.get(self.to):
            yield Finding("red", "opted_out", opted_out(out, self.who, self.known.tenant))
        elif self.to not in self.known.consented:
            sentence = f"Sending notes that {self.who} gave this number for the account."
            yield Finding("green", "no_consent", sentence)

    def _on_file(self) -> Iterator[Finding]:
        if self.choice is None:
            yield Finding(
                "amber",
                "not_on_file",
                "Not on file for this customer. Check that you typed it right and that they "
                "agreed to texts.",
            )
        elif self.choice.kind != "mobile":
            sentence = "Saved as their other phone. Make sure that it can get texts."
            yield Finding("amber", "other_phone", sentence)

    def _quiet_hours(self) -> Iterator[Finding]:
        clocks = list(self.hours.closed(self.known.now))
        if not clocks:
            return
        lives = "may live" if len(self.hours.zones) > 1 else "lives"
        here = f"It is {clock(min(clocks, key=_wall))} where {self.who} {lives}."
        if self.opens is None:
            words = "No hour of the coming week suits all places they may live."
            yield Finding("red", "quiet_hours", f"{here} {words}")
        elif self.known.rules.sends_later:
            words = f"The text goes out {self.known.moment(self.opens)}."
            yield Finding("amber", "quiet_hours", f"{here} {words}")
        else:
            words = f"Your company texts them again {self.known.moment(self.opens)}."
            yield Finding("red", "quiet_hours", f"{here} {words}")

    def _repeats(self) -> Iterator[Finding]:
        waiting = next((text for text in self.sent if text.is_in_flight), None)
        if waiting is not None:
            yield Finding("red", "on_its_way", self._on_its_way(waiting))
        elif self.limit is not None and self.known.override:
            yield Finding("amber", self.limit.code, self.limit.sentence)
        elif self.limit is not None:
            words = f"It may be texted again {self.known.moment(self.limit.until)}."
            yield Finding("red", self.limit.code, f"{self.limit.sentence} {words}")
        elif self.sent and self.sent[-1].at > self.known.now - RECENTLY:
            last = self.known.moment(self.sent[-1].at)
            yield Finding("amber", "sent_recently", f"It was last texted {last}.")

    def _on_its_way(self, text: Sent) -> str:
        number = phones.national(text.to)
        if text.at > self.known.now:
            return f"A text to {number} waits and goes out {self.known.moment(text.at)}."
        return f"A text to {number} is on its way already."

    def _link(self) -> Iterator[Finding]:
        zone = self.known.tenant.zone
        ends = link_tokens.sixty_days_later(self.known.now, zone).astimezone(zone).date()
        if self.invoice.due_on is not None and ends < self.invoice.due_on:
            day = date(ends, self.known.now.astimezone(zone).date())
            yield Finding("amber", "link_lapses", f"The link ends on {day}, before the due date.")

    def _length(self) -> Iterator[Finding]:
        language = message_text.language_for(self.invoice.customer, self.to)
        count = cast(int, message_text.preview(self.invoice, language)["segments"])
        if count > 1:
            level: Level = "amber" if count <= message_text.MOST_SEGMENTS else "red"
            yield Finding(level, "segments", f"It takes {count} segments, and each is paid for.")


def moment(at: dt.datetime, tenant: Tenant, now: dt.datetime) -> str:
    """ "today at 8:00 AM", "tomorrow at…", "on Mon, Nov 23 at…", by the company's clock."""
    local, today = at.astimezone(tenant.zone), now.astimezone(tenant.zone).date()
    days = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    day = days.get((local.date() - today).days, f"on {local:%a}, {date(local.date(), today)}")
    return f"{day} at {clock(local)}"


def _wall(local: dt.datetime) -> dt.datetime:
    return local.replace(tzinfo=None)


def no_texts(kind: str) -> str:
    """Why a number of this kind is refused."""
    return f"This is a {kind} number, so texts cannot arrive there. Choose a mobile."
