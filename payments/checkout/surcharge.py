"""The surcharge of a card payment: quoted by CardConnect before the payer agrees, and again when
they pay, so that the charged total is the one they read.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.views.decorators.debug import sensitive_variables

from invoices.models import PaymentLink
from payments.checkout import authorization_text
from payments.checkout.claim import AmountChanged, CannotPay
from payments.checkout.link_state import state_of
from payments.gateway import client
from payments.gateway.client import Approved, CredentialsLost, NotSent, Unknown
from payments.models import Payment
from payments.models.account import CardConnectAccount

ZERO = Decimal("0.00")
ON_DEBIT = "No surcharge on debit cards."
NOT_THERE = "No surcharge in this ZIP code."
NOT_TOLD = (
    "The payment processor could not be reached to look up the surcharge. Please try "
    "again in a few minutes."
)
OUR_SIDE = (
    "The payment could not be taken because of a problem on our end. Please call us, or "
    "try again later."
)


@dataclass(frozen=True)
class Quote:
    """The surcharge of a card payment of some amount, with the reason when it is zero."""

    fee: Decimal
    words: str = ""


@sensitive_variables("token")
def quote(account: CardConnectAccount, token: str, postal: str, amount: Decimal) -> Quote:
    """Request a quote; when CardConnect cannot give one, nothing may be added. Raises CannotPay
    when it does not respond.
    """
    try:
        reply = client.surcharge(account, token, postal, amount)
    except CredentialsLost:
        raise CannotPay(OUR_SIDE) from None
    except (NotSent, Unknown):
        raise CannotPay(NOT_TOLD) from None
    words = ON_DEBIT if reply.is_debit else NOT_THERE if reply.restricted else ""
    return Quote(reply.fee, words)


@sensitive_variables("token")
def agreed(
    link: PaymentLink,
    *,
    key: uuid.UUID,
    method: str,
    token: str,
    postal: str,
    amount: Decimal,
    fee: Decimal,
) -> Decimal:
    """The surcharge the payer agreed to, when CardConnect still quotes the same.

    Raises AmountChanged with both totals when it differs, and CannotPay when it cannot be quoted.
    No quote is requested for a form that has paid before or an invoice that takes no payment now.
    """
    account = state_of(link).account
    if account is None or Payment.objects.filter(link=link, key=key).exists():
        return fee
    is_charged = method == authorization_text.CARD and account.has_surcharge
    now = quote(account, token, postal, amount).fee if is_charged else ZERO
    if now != fee:
        raise AmountChanged(amount + fee, amount + now, by_fee=True)
    return fee


def record_fee(payment: Payment, answer: Approved | None = None) -> bool:
    """Record a surcharge that was not known, from `response` or from CardConnect.

    True when the page can show it from now on.
    """
    account = CardConnectAccount.objects.filter(
        tenant=payment.tenant, merchid=payment.merchid
    ).first()
    if account is None:
        return False
    if answer is None or not answer.fee_type:
        try:
            reply = client.merchant(account)
        except (NotSent, Unknown):
            pass
        else:
            account.set_fee(reply.fee_type, reply.fee_format, reply.fee_value)
    else:
        account.set_fee(answer.fee_type, answer.fee_format, answer.fee_value)
    account.adds_fee = account.adds_fee or answer is not None
    account.save_fee()
    return account.has_surcharge


def added_to(account: CardConnectAccount, retref: str) -> Decimal | None:
    """The surcharge within a charge that only CardConnect knows; None when it does not say."""
    if not account.has_surcharge:
        return ZERO
    try:
        seen = client.look_up(account, retref)
    except (NotSent, Unknown):
        return None
    return seen.fee if seen else None
