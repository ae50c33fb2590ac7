"""What a text says, in English and in Spanish.

Our own words use only the GSM-7 alphabet, which has é, ñ and ü but not á, í, ó or ú: one of those
would more than double the price of every text. So Spanish says "Pague en", not "aquí".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse

from customers import phones
from invoices.models import Invoice
from sms.content.segments import clusters, outside_gsm7, segments
from sms.models.rules import TextRules
from sms.models.text import LINK_MARK
from tenants.models import Tenant

# Where the link goes in a stored text. Stored without it: a text in the database opens nothing.
TOKEN_LENGTH = 22
MOST_SEGMENTS = 2
# All that a company's own words may name: nothing of the work done, no address, no account.
VARIABLES = ("amount", "invoice", "due")
NEEDED = ("amount", "invoice")
# A text about a bill must stay one: a word of these makes it advertising in the law's eyes.
PROMOTIONAL = re.compile(
    r"\b(sales?|discounts?|offers?|coupons?|promos?|promotions?|deals?|specials?|free|save|bonus|"
    r"ofertas?|descuentos?|cup[oó]n(es)?|promoci[oó]n(es)?|rebajas?|gratis|ahorre|regalos?)\b"
    r"|% off",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"://|\bwww\.|\b[\w-]+\.(com|net|org|io|me|ly|co|us)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Language:
    """One language's fixed words; each tuple goes from the usual wording to the shortest."""

    bill: tuple[str, ...]
    # Around a company's own words for a reminder.
    reminder: tuple[str, ...]
    help: tuple[str, ...]
    stop: str
    months: str

    def day(self, day: dt.date) -> str:
        """Dec 20, or 20 dic."""
        month = self.months.split()[day.month - 1]
        return f"{month} {day.day}" if month[0].isupper() else f"{day.day} {month}"


ENGLISH = Language(
    bill=(
        "{name}: {amount} for invoice {invoice}. Pay here: {link} "
        "Reply STOP to opt out, HELP for help",
        "{name}: {amount} for invoice {invoice}. Pay here: {link} Reply STOP to opt out",
        "{name}: {amount} invoice {invoice}. Pay here: {link} STOP to opt out",
        "{name}: {amount} {invoice} {link} STOP to opt out",
    ),
    reminder=(
        "{name}: {words} Pay here: {link} Reply STOP to opt out, HELP for help",
        "{name}: {words} Pay here: {link} Reply STOP to opt out",
    ),
    help=(
        "{name}: questions about your bill? Call {phone} or write to {email}. "
        "Reply STOP to opt out",
        "{name}: questions about your bill? Call {phone}. Reply STOP to opt out",
        "{name}: call {phone}. STOP to opt out",
    ),
    stop="Reply STOP to opt out",
    months="Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
)
SPANISH = Language(
    bill=(
        "{name}: factura {invoice}, {amount}. Pague en: {link} "
        "Responda STOP para baja, AYUDA para ayuda",
        "{name}: factura {invoice}, {amount}. Pague en: {link} Responda STOP para baja",
        "{name}: {amount} factura {invoice}. Pague en: {link} STOP para baja",
        "{name}: {amount} {invoice} {link} STOP para baja",
    ),
    reminder=(
        "{name}: {words} Pague en: {link} STOP para baja, AYUDA para ayuda",
        "{name}: {words} Pague en: {link} STOP para baja",
    ),
    help=(
        "{name}: ¿preguntas sobre su factura? Llame al {phone} o escriba a {email}. "
        "Responda STOP para baja",
        "{name}: ¿preguntas sobre su factura? Llame al {phone}. Responda STOP para baja",
        "{name}: llame al {phone}. STOP para baja",
    ),
    stop="Responda STOP para baja",
    months="ene feb mar abr may jun jul ago sep oct nov dic",
)
LANGUAGES = {"en": ENGLISH, "es": SPANISH}
# In Canada people ask for help with AIDE; that is all we say in French.
FRENCH_HELP = (
    "{name}: une question sur votre facture? Appelez {phone} ou écrivez à {email}. "
    "Répondez STOP pour ne plus recevoir de textos",
    "{name}: une question? Appelez {phone}. Répondez STOP pour ne plus recevoir de textos",
    "{name}: appelez {phone}. STOP pour ne plus recevoir de textos",
)


def message_template(invoice: Invoice, language: str = "en") -> str:
    """The SMS text for an invoice, with LINK_MARK where its link goes.

    Sender first, what for, the link, and how to opt out (CTIA principles). At most two segments.
    """
    return _fit(LANGUAGES[language].bill, invoice.tenant.name, _values(invoice, language))


def reminder_template(invoice: Invoice, words: str, language: str = "en") -> str:
    """A reminder with a company's own `words`, which may name VARIABLES; two segments at most.

    Words that leave no room for the rest give way to the shortest bill.
    """
    fixed = LANGUAGES[language]
    values = {**_values(invoice, language), "words": filled_in(words, invoice, language)}
    return _fit((*fixed.reminder, *fixed.bill[2:]), invoice.tenant.name, values)


def filled_in(words: str, invoice: Invoice, language: str) -> str:
    """A company's own words with what they name of this invoice."""
    values = _values(invoice, language)
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], ""), words)


def help_answer(tenant: Tenant, language: str = "en") -> str:
    """The one answer to HELP, also in French ("fr"): who this is and how to reach them."""
    values = {"phone": phones.national(tenant.phone), "email": tenant.email}
    rungs = FRENCH_HELP if language == "fr" else LANGUAGES.get(language, ENGLISH).help
    return _fit(rungs, tenant.name, values)


def answer_text(tenant: Tenant, words: str, language: str = "en") -> str:
    """What staff answer, with how to opt out where every text must say so.

    That is for who collects debts for others: 12 CFR 1006.6(e).
    """
    if "STOP" in words or not TextRules.of(tenant).third_party_collector:
        return words
    return f"{words}\n{LANGUAGES.get(language, ENGLISH).stop}"


class Preview(TypedDict):
    """A text as pages show it: before and after the link, its length and what it costs."""

    before: str
    link: str
    after: str
    length: int
    segments: int
    # The characters outside GSM-7, which more than double the price.
    dear: str


def preview(invoice: Invoice, language: str = "en") -> Preview:
    """The text as the pop-up shows it."""
    return shown(message_template(invoice, language))


def shown(template: str) -> Preview:
    before, _, after = template.partition(LINK_MARK)
    whole = template.replace(LINK_MARK, _any_link())
    return {
        "before": before,
        "link": f"{settings.PUBLIC_BASE_URL}/p/…",
        "after": after,
        "length": len(whole),
        "segments": segments(whole),
        "dear": outside_gsm7(whole),
    }


def check_words(words: str) -> None:
    """Raise ValidationError for words that a reminder may not say, each with what to write."""
    unknown = [name for name in re.findall(r"\{([^{}]*)\}", words) if name not in VARIABLES]
    if unknown or re.search(r"[{}]", re.sub(r"\{\w+\}", "", words)):
        raise ValidationError("In braces, only {amount}, {invoice} and {due} can stand.")
    for name in NEEDED:
        if words.count(f"{{{name}}}") != 1:
            raise ValidationError(
                f"Write {{{name}}} once, so that the customer knows what the text is about."
            )
    if words.count("{due}") > 1:
        raise ValidationError("Write {due} once.")
    if found := PROMOTIONAL.search(words):
        raise ValidationError(
            f"Leave out “{found[0]}”: a text about a bill may not advertise anything."
        )
    if ADDRESS.search(words):
        raise ValidationError("Leave out web addresses: the payment link is added by itself.")


def _values(invoice: Invoice, language: str) -> dict[str, str]:
    return {
        "amount": f"${invoice.balance:,.2f}",
        "invoice": invoice.number,
        "due": LANGUAGES[language].day(invoice.due_on),
        "link": LINK_MARK,
    }


def _fit(rungs: Sequence[str], name: str, values: dict[str, str]) -> str:
    """The first of `rungs` that takes at most two segments with this company's name.

    When even the shortest does not, as with a name of emoji alone, the name loses its end.
    """
    name = name.replace(LINK_MARK, "(link)")
    text = fitting(rungs, name, values).format(name=name, **values)
    letters = clusters(name)
    while letters and takes(text) > MOST_SEGMENTS:
        letters.pop()
        text = rungs[-1].format(name="".join(letters), **values)
    return text


def fitting(rungs: Sequence[str], name: str, values: dict[str, str]) -> str:
    """The first wording that takes at most two segments when filled in; the last if none does."""
    fits = (r for r in rungs if takes(r.format(name=name, **values)) <= MOST_SEGMENTS)
    return next(fits, rungs[-1])


def takes(template: str) -> int:
    """How many segments a text takes, its link included."""
    return segments(template.replace(LINK_MARK, _any_link()))


def _any_link() -> str:
    """An address as long as every PaymentLink.url is."""
    return settings.PUBLIC_BASE_URL + reverse("payments:pay", args=["x" * TOKEN_LENGTH])
