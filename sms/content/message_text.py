"""The wording of texts, in English and in Spanish.

It uses only the GSM-7 alphabet, which has é, ñ and ü but not á, í, ó or ú: one of those would more
than double the price of each text. So the Spanish is "Pague en", not "aquí".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from django.conf import settings
from django.core.exceptions import ValidationError

from customers import phones
from invoices import link_tokens
from invoices.models import Invoice
from sms.content.segments import clusters, outside_gsm7, segments
from sms.models.rules import TextRules
from sms.models.text import LINK_MARK
from tenants.models import Tenant

MOST_SEGMENTS = 2
# What a company's own words may contain: nothing about the work, the address or the account.
VARIABLES = ("amount", "invoice", "due")
NEEDED = ("amount", "invoice")
# One of these words turns a bill into advertising, which needs another consent (47 CFR 64.1200).
PROMOTIONAL = re.compile(
    r"\b(sales?|discounts?|offers?|coupons?|promos?|promotions?|deals?|specials?|free|save|bonus|"
    r"ofertas?|descuentos?|cup[oó]n(es)?|promoci[oó]n(es)?|rebajas?|gratis|ahorre|regalos?)\b"
    r"|% off",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"://|\bwww\.|\b[\w-]+\.(com|net|org|io|me|ly|co|us)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Language:
    """One language's fixed wordings, from the usual one to the shortest."""

    bill: tuple[str, ...]
    # Around a company's own words for a reminder.
    reminder: tuple[str, ...]
    help: tuple[str, ...]
    stop: str
    months: str

    def day(self, day: dt.date) -> str:
        """ "Dec 20" or "20 dic"."""
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
# Canadians may ask for help with AIDE. This is the only French wording.
FRENCH_HELP = (
    "{name}: une question sur votre facture? Appelez {phone} ou écrivez à {email}. "
    "Répondez STOP pour ne plus recevoir de textos",
    "{name}: une question? Appelez {phone}. Répondez STOP pour ne plus recevoir de textos",
    "{name}: appelez {phone}. STOP pour ne plus recevoir de textos",
)


def message_template(invoice: Invoice, language: str = "en") -> str:
    """The SMS text for an invoice, with LINK_MARK where its link goes.

    CTIA principles: the sender first, the purpose, the link, and how to opt out. At most two
    segments.
    """
    return _fit(LANGUAGES[language].bill, invoice.tenant.name, _values(invoice, language))


def reminder_template(invoice: Invoice, words: str, language: str = "en") -> str:
    """A reminder with the company's own `words`, which may contain VARIABLES.

    At most two segments: words that are too long are replaced by the shortest wording of a bill.
    """
    fixed = LANGUAGES[language]
    values = {**_values(invoice, language), "words": filled_in(words, invoice, language)}
    return _fit((*fixed.reminder, *fixed.bill[2:]), invoice.tenant.name, values)


def filled_in(words: str, invoice: Invoice, language: str) -> str:
    """A company's own words with the values of this invoice."""
    values = _values(invoice, language)
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], ""), words)


def help_answer(tenant: Tenant, language: str = "en") -> str:
    """The answer to HELP, also in French ("fr"): the company and how to reach it."""
    values = {"phone": phones.national(tenant.phone), "email": tenant.email}
    wordings = FRENCH_HELP if language == "fr" else LANGUAGES.get(language, ENGLISH).help
    return _fit(wordings, tenant.name, values)


def answer_text(tenant: Tenant, words: str, language: str = "en") -> str:
    """An answer by staff. Texts of a third-party collector must say how to opt out: 12 CFR
    1006.6(e)."""
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
    """Raise ValidationError, with what to write instead, for words that a reminder may not have."""
    unknown = [name for name in re.findall(r"\{([^{}]*)\}", words) if name not in VARIABLES]
    if unknown or re.search(r"[{}]", re.sub(r"\{\w+\}", "", words)):
        raise ValidationError("Only {amount}, {invoice} and {due} can be used in braces.")
    for name in NEEDED:
        if words.count(f"{{{name}}}") != 1:
            raise ValidationError(
                f"Write {{{name}}} once, so the customer knows what the text is about."
            )
    if words.count("{due}") > 1:
        raise ValidationError("Write {due} once.")
    if found := PROMOTIONAL.search(words):
        raise ValidationError(
            f"Leave out “{found[0]}”: a text about a bill cannot advertise anything."
        )
    if ADDRESS.search(words):
        raise ValidationError("Leave out web addresses: the payment link is added automatically.")


def _values(invoice: Invoice, language: str) -> dict[str, str]:
    return {
        "amount": f"${invoice.balance:,.2f}",
        "invoice": invoice.number,
        "due": LANGUAGES[language].day(invoice.due_on),
        "link": LINK_MARK,
    }


def _fit(wordings: Sequence[str], name: str, values: dict[str, str]) -> str:
    """The first wording of at most two segments with this company's name.

    When even the shortest is longer, as with a name of emoji, the name is cut.
    """
    name = name.replace(LINK_MARK, "(link)")
    text = fitting(wordings, name, values).format(name=name, **values)
    letters = clusters(name)
    while letters and count_segments(text) > MOST_SEGMENTS:
        letters.pop()
        text = wordings[-1].format(name="".join(letters), **values)
    return text


def fitting(wordings: Sequence[str], name: str, values: dict[str, str]) -> str:
    """The first wording of at most two segments when filled in; the last if there is none."""
    fits = (
        each
        for each in wordings
        if count_segments(each.format(name=name, **values)) <= MOST_SEGMENTS
    )
    return next(fits, wordings[-1])


def count_segments(template: str) -> int:
    """The number of segments of a text, including its link."""
    return segments(template.replace(LINK_MARK, _any_link()))


def _any_link() -> str:
    """A URL of the same length as every PaymentLink.url."""
    return link_tokens.address("x" * link_tokens.LENGTH)
