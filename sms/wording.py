"""What a text says, and how many segments of a phone bill it takes."""

from __future__ import annotations

from django.conf import settings

from invoices.models import Invoice

# Where the link goes in a stored text. Stored without it: a text in the database opens nothing.
LINK_MARK = "{link}"
TOKEN_LENGTH = 22
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")


def message_template(invoice: Invoice) -> str:
    """The default SMS text for an invoice, with LINK_MARK where its link goes.

    Sender first, what for, the link after "Pay here:", and how to opt out (CTIA principles).
    Only the company's own name can bring a character outside GSM-7.
    """
    return (
        f"{invoice.tenant.name}: ${invoice.balance:,.2f} for invoice {invoice.number}. "
        f"Pay here: {LINK_MARK} Reply STOP to opt out, HELP for help"
    )


def preview(invoice: Invoice) -> dict[str, object]:
    """The text as the pop-up shows it: before and after the link, its length and its segments."""
    template = message_template(invoice)
    before, _, after = template.partition(LINK_MARK)
    address = f"{settings.PUBLIC_BASE_URL}/p/"
    whole = f"{before}{address}{'x' * TOKEN_LENGTH}{after}"
    return {
        "before": before,
        "link": f"{address}…",
        "after": after,
        "length": len(whole),
        "segments": segments(whole),
    }


def segments(text: str) -> int:
    """How many segments the text takes.

    160 GSM-7 septets, or 70 UTF-16 units when one character is outside GSM-7; split, 153 or 67
    each. An escaped or surrogate pair is never cut in two.
    """
    gsm = all(char in BASIC or char in EXTENSION for char in text)
    alone, part = (160, 153) if gsm else (70, 67)
    widths = [2 if (char in EXTENSION if gsm else ord(char) > 0xFFFF) else 1 for char in text]
    if sum(widths) <= alone:
        return 1
    count, room = 1, part
    for width in widths:
        if width > room:
            count, room = count + 1, part
        room -= width
    return count
