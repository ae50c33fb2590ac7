"""CardSecure's vault: deterministic tokens that pass Luhn, and no account number kept.

Token shape (CardSecure guide): 16 digits, the first a 9, then the first two digits of the card
or routing number, and the last four of the card or bank account at the end. The same account
gives the same token for ever, unless `unique` is asked for.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from sandbox import cards
from sandbox.models import ACH, CARD, Token

EXTRAS_LAST = timedelta(minutes=2)

# Pairs seen in public recordings of the real service; the emulator must agree with them.
RECORDED = {
    "4111111111111111": "9418594164541111",
    "4000100011112224": "9405701444882224",
    "4387751111111053": "9435885049491053",
    "4788250000121443": "9477709629051443",
    "124001545/123123123123": "9124468384113123",
    "053000196/15378535": "9051769384108535",
}


class Refused(Exception):
    """CardSecure will not tokenize this: carries its numeric error code and a text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def luhn_ok(digits: str) -> bool:
    """Tell whether a string of digits passes the Luhn check."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def derive(account: str, salt: str = "") -> str:
    """Return the token for a card number or ``routing/account``; same input, same token."""
    if not salt and account in RECORDED:
        return RECORDED[account]
    digest = hashlib.sha256(f"textpay sandbox{salt}|{account}".encode()).hexdigest()
    middle = f"{int(digest, 16) % 10**8:08d}"
    last_four = account[-4:]
    candidates = (f"9{account[:2]}{middle}{check}{last_four}" for check in range(10))
    return next(token for token in candidates if luhn_ok(token))


def tokenize(account: str, cvv: str = "", expiry: str = "", unique: bool = False) -> Token:
    """Return the token row for an account or an existing token; raises Refused."""
    account = re.sub(r"[\s-]", "", account)
    check_extras(cvv, expiry)
    token = Token.objects.filter(token=account).first() or create(account, unique)
    if cvv or expiry:
        token.cvv, token.expiry = cvv, expiry
        token.extras_until = timezone.now() + EXTRAS_LAST
        token.save(update_fields=["cvv", "expiry", "extras_until"])
    return token


def check_extras(cvv: str, expiry: str) -> None:
    """Refuse a CVV or expiry that cannot be one."""
    if cvv and not re.fullmatch(r"\d{3,4}", cvv):
        raise Refused(8, "CVV must be 3 or 4 decimal digits")
    if expiry and not re.fullmatch(r"\d{4,8}", expiry):
        raise Refused(8, "Expiry must be decimal digits")


def create(account: str, unique: bool) -> Token:
    """Store what the emulator must know about a new account and return its token."""
    facts = read_bank(account) if "/" in account else read_card(account)
    fingerprint = hashlib.sha256(f"fingerprint|{account}".encode()).hexdigest()
    if not unique:
        known = Token.objects.filter(token=derive(account), fingerprint=fingerprint).first()
        if known:
            return known
    return store(account, fingerprint, facts, secrets.token_hex(8) if unique else "")


def store(account: str, fingerprint: str, facts: dict[str, object], salt: str) -> Token:
    """Insert the row; when another account already holds this token, take the next one."""
    for attempt in range(20):
        value = derive(account, salt if attempt == 0 else f"{salt}+{attempt}")
        try:
            with transaction.atomic():
                token, _ = Token.objects.get_or_create(
                    token=value, fingerprint=fingerprint, defaults=facts
                )
                return token
        except IntegrityError:
            continue
    raise Refused(43, "No free token")


def read_card(number: str) -> dict[str, object]:
    """Check a card number and describe it without keeping it."""
    if not number:
        raise Refused(14, "Account is empty")
    if not number.isascii() or not number.isdigit():
        raise Refused(8, "Account must be decimal digits")
    if len(number) < 12:
        raise Refused(21, "Account is too short")
    if len(number) > 19:
        raise Refused(13, "Account is too long")
    if not luhn_ok(number):
        raise Refused(54, "Account failed the Luhn check")
    return {
        "kind": CARD,
        "first_six": number[:6],
        "last_four": number[-4:],
        "length": len(number),
        "brand": cards.brand(number),
        "behaviour": cards.BEHAVIOUR.get(number, "approve"),
    }


def read_bank(pair: str) -> dict[str, object]:
    """Check ``routing/account`` far enough to make a token; the gateway judges the rest."""
    routing, _, account = pair.partition("/")
    if not (routing + account).isascii() or not (routing + account).isdigit():
        raise Refused(8, "Routing and account number must be decimal digits")
    if len(routing) < 2 or len(account) < 4:
        raise Refused(21, "Routing or account number is too short")
    if len(routing) > 9 or len(account) > 17:
        raise Refused(13, "Routing or account number is too long")
    return {
        "kind": ACH,
        "first_six": routing[:6],
        "last_four": account[-4:],
        "length": len(account),
        "routing": routing,
        "brand": "ECHK",
    }
