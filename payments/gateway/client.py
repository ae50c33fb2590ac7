"""The CardPointe Gateway's operations.

Takes tokens, amounts and order numbers. An attempt to take money ends as Approved, as Declined, or
with one of two errors: NotSent (no byte of the request left, so nothing can have happened) and
Unknown (anything else). Credentials, tokens and bodies appear in no message, representation or log
line.
"""

from __future__ import annotations

import re
from decimal import Decimal
from http import HTTPStatus
from urllib.parse import quote

from django.views.decorators.debug import sensitive_variables

from payments.gateway import http, responses
from payments.gateway.http import CredentialsLost, NotSent, Unknown, base_url, origin
from payments.gateway.lookups import Merchant, Surcharge, merchant, surcharge
from payments.gateway.reports import Funded, Settled, funding, settlements
from payments.gateway.responses import Answer, Approved, Declined, Refunded, Transaction, Voided
from payments.models import Payment
from payments.models.account import CardConnectAccount

__all__ = [
    "Answer",
    "Approved",
    "CredentialError",
    "CredentialsLost",
    "Declined",
    "Funded",
    "Merchant",
    "NotSent",
    "Refunded",
    "Settled",
    "Surcharge",
    "Transaction",
    "Unknown",
    "Voided",
    "auth",
    "base_url",
    "check_credentials",
    "find",
    "funding",
    "inquire",
    "inquire_by_orderid",
    "look_up",
    "merchant",
    "origin",
    "refund",
    "settlements",
    "surcharge",
    "try_void",
    "void",
]

TOKEN = re.compile(r"^9[0-9A-Za-z]{15}$")
ORDERID = re.compile(r"[A-Z]{1,19}")


class CredentialError(Exception):
    """The gateway does not accept the credentials; str() is the sentence to show."""


def check_credentials(account: CardConnectAccount) -> None:
    """Check that the gateway accepts these credentials; raises CredentialError with a sentence."""
    try:
        status, _ = http.call(account, "PUT", "", {"merchid": account.merchid})
    except CredentialsLost:
        raise CredentialError(
            "The stored CardConnect password cannot be decrypted. Enter it again."
        ) from None
    except (NotSent, Unknown):
        raise CredentialError(
            f"CardConnect could not be reached at {origin(account.site)}. Check the site name, or "
            "try again in a few minutes."
        ) from None
    if status == HTTPStatus.UNAUTHORIZED:
        raise CredentialError(
            "CardConnect did not accept this user name and password for this merchant ID."
        )
    if status != HTTPStatus.OK:
        raise CredentialError(f"CardConnect answered with an error (HTTP {status}).")


@sensitive_variables("token", "request")
def auth(
    payment: Payment,
    token: str,
    *,
    expiry: str = "",
    account_type: str = "",
    postal: str = "",
) -> Answer:
    """Charge `payment.amount` to the account behind `token`, once; raises NotSent or Unknown."""
    request = {
        "account": token,
        "amount": f"{payment.amount:.2f}",  # always two decimals: "10" would be ten cents
        "currency": payment.tenant.currency,
        "orderid": payment.orderid,
        "invoiceid": payment.invoice.number[
            :12
        ],  # identifies a charge whose payment row is missing
        "capture": "Y",
        "ecomind": "E",
    }
    if payment.method == Payment.Method.ACH:
        request |= {"accttype": account_type, "achEntryCode": "WEB"}
        request["name"] = payment.payer_name[:30]
    else:
        request |= {"expiry": expiry, "postal": postal}
    answer = responses.attempt(_put(payment, "auth", request), payment)
    if answer is None:
        raise Unknown("The gateway says that it does not know yet.")
    return answer


def refund(payment: Payment, amount: Decimal, orderid: str) -> Refunded | Declined:
    """Refund all or part of a settled charge, under an order number of the refund's own.

    Raises NotSent or Unknown; after Unknown, `find(payment, orderid)` gives the outcome.
    """
    if not ORDERID.fullmatch(orderid) or orderid == payment.orderid:
        raise ValueError("A refund has an order number of its own: up to 19 capital letters.")
    request = {"retref": payment.retref, "amount": f"{amount:.2f}", "orderid": orderid}
    return responses.refunded(_put(payment, "refund", request), payment, orderid)


def try_void(payment: Payment, retref: str = "") -> Voided | Declined:
    """Void a charge that has not settled; raises NotSent or Unknown."""
    request = {"retref": retref or payment.retref}
    return responses.voided(_put(payment, "void", request), payment)


def void(payment: Payment, retref: str) -> bool:
    """Void a charge; True only when the gateway confirms it."""
    try:
        return isinstance(try_void(payment, retref), Voided)
    except (NotSent, Unknown):
        return False


def inquire_by_orderid(payment: Payment) -> list[Answer] | None:
    """All transactions under our order number; [] is the gateway's "Txn not found".

    None: the gateway has the attempt without an outcome yet. Raises NotSent or Unknown without a
    response.
    """
    found, undecided = [], False
    for row in _by_orderid(payment, payment.orderid):
        if responses.is_voided(row):
            continue
        answer = responses.attempt(row, payment)
        if answer is not None:
            found.append(answer)
        elif http.field(row, "setlstat").lower() != "declined":
            undecided = True
    return found or (None if undecided else [])


def find(payment: Payment, orderid: str = "") -> list[Transaction]:
    """Every transaction under an order number, a payment's or a refund's.

    Raises NotSent or Unknown without a response.
    """
    return _transactions(_by_orderid(payment, orderid or payment.orderid))


def inquire(payment: Payment, retref: str = "") -> Transaction | None:
    """The present state of a charge; None when the gateway has no such charge.

    Raises NotSent or Unknown without a response.
    """
    account = _account(payment)
    return _look_up(account, payment.site, payment.merchid, retref or payment.retref)


def look_up(account: CardConnectAccount, retref: str) -> Transaction | None:
    """The same for a reference that belongs to no payment of ours."""
    return _look_up(account, account.site, account.merchid, retref)


def _look_up(
    account: CardConnectAccount, site: str, merchid: str, retref: str
) -> Transaction | None:
    reply = http.ask(account, "GET", f"inquire/{quote(retref, safe='')}/{merchid}", site=site)
    found = _transactions(reply if isinstance(reply, list) else [reply])
    if not found:
        return None
    for each in found:
        if each.retref == retref:
            return each
    raise Unknown("The answer is about another transaction.")


def _transactions(rows: list[object]) -> list[Transaction]:
    return [found for row in rows if (found := responses.transaction(row)) is not None]


def _by_orderid(payment: Payment, orderid: str) -> list[object]:
    """The rows under an order number, without "Txn not found"."""
    path = f"inquireByOrderid/{quote(orderid, safe='')}/{payment.merchid}"
    account = _account(payment)
    rows = _found(http.ask(account, "GET", f"{path}/1", site=payment.site))
    if not rows and payment.method == Payment.Method.ACH:
        # A bank payment may be booked under a linked merchant ID, which the "/1" leaves out.
        rows = _found(http.ask(account, "GET", path, site=payment.site))
    return rows


def _found(reply: object) -> list[object]:
    rows = reply if isinstance(reply, list) else [reply]
    return [row for row in rows if not responses.is_not_found(row)]


@sensitive_variables("request", "filled")
def _put(payment: Payment, path: str, request: dict[str, str]) -> object:
    """Send the fields that are not blank, to the merchant account that the payment began with."""
    filled = {name: value for name, value in request.items() if value}
    request = {"merchid": payment.merchid, **filled}
    return http.ask(_account(payment), "PUT", path, request, payment.site)


def _account(payment: Payment) -> CardConnectAccount:
    """The account whose credentials to use; raises NotSent when the tenant has none any more."""
    account: CardConnectAccount | None = getattr(payment.tenant, "cardconnect", None)
    if account is None:
        raise NotSent("The company has no CardConnect account.")
    return account
