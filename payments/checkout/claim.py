"""Claims an invoice for one charge: the conditions, checked under its lock before any call."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import transaction
from django.utils.crypto import salted_hmac

from audit.clock import DbNow, db_now
from invoices.models import Invoice, PaymentLink
from payments.checkout import amounts, authorization_text
from payments.models import Authorization, CardConnectAccount, Payment

ZERO = Decimal("0.00")
MAX_DECLINES_PER_HOUR = 5


class CannotPay(Exception):
    """This payment may not start; str() is the sentence to show. No money has moved."""


class AmountChanged(CannotPay):
    """The balance, or the total with its surcharge, is not what the payer agreed to."""

    def __init__(self, agreed: Decimal, now: Decimal, *, by_fee: bool = False) -> None:
        super().__init__("The amount changed while you were here.")
        self.agreed, self.now, self.by_fee = agreed, now, by_fee


class SentBefore(CannotPay):
    """This form has started a payment with another card, account or amount."""

    def __init__(self, payment: Payment) -> None:
        super().__init__("You had already sent a payment from this page.")
        self.payment = payment


def start(
    link: PaymentLink,
    *,
    method: str,
    amount: Decimal,
    key: uuid.UUID,
    token: str,
    agreement: authorization_text.Agreement,
    account_type: str = "",
    seen: Decimal | None = None,
    fee: Decimal = ZERO,
) -> tuple[Payment, bool]:
    """Claim the invoice for one charge and store the authorization; (payment, whether new).

    The form's `key` is the idempotency key: the same form returns the same payment, so a double
    click or a replay never charges twice; a different form with that key raises SentBefore. `seen`
    is the balance the payer saw, when `amount` may be a part of it; `fee` is the agreed surcharge
    on top. Raises CannotPay or AmountRefused with a sentence, AmountChanged when the balance has
    changed.
    """
    with transaction.atomic():
        invoice = link.invoice.locked()
        same = Payment.objects.filter(link=link, key=key).first()
        if same is not None:
            sent = (same.method, same.amount, same.fee, same.fingerprint)
            if sent != (method, amount, fee, _fingerprint(token)):
                raise SentBefore(same)
            return same, False
        account = _check_may_start(link, invoice, method, token)
        shown = amount if seen is None else seen
        if shown != invoice.balance:
            raise AmountChanged(shown, invoice.balance)
        amounts.check(invoice.tenant, invoice.balance, amount)
        payment = Payment(
            tenant=invoice.tenant,
            invoice=invoice,
            link=link,
            key=key,
            method=method,
            amount=amount,
            fee=fee,
            site=account.site,
            merchid=account.merchid,
            brand=_brand(method, token, account_type),
            last4=token[-4:],
            fingerprint=_fingerprint(token),
            payer_name=agreement.payer_name,
            created_at=db_now(),
        )
        payment.save()
        _keep_agreement(payment, agreement)
        payment.record_claim()
    return payment, True


def _check_may_start(
    link: PaymentLink, invoice: Invoice, method: str, token: str
) -> CardConnectAccount:
    """The merchant account, when link, invoice and tenant allow a charge now."""
    CardConnectAccount.hold(invoice.tenant)
    now = PaymentLink._base_manager.annotate(read_at=DbNow()).get(pk=link.pk)
    if not now.is_live_at(now.read_at):
        raise CannotPay("This payment link no longer takes payments.")
    if Payment.objects.filter(invoice=invoice).in_flight().exists():
        raise CannotPay("A payment is being confirmed. Please do not pay again.")
    if not invoice.is_payable:
        raise CannotPay("There is nothing to pay on this invoice.")
    account = CardConnectAccount.of(invoice.tenant)
    if account is None or account.refuses_payments or not invoice.tenant.is_active:
        raise CannotPay("This invoice cannot be paid online.")
    if method == Payment.Method.ACH and not account.takes_bank_payments:
        raise CannotPay("Bank payments are not available here. Please pay by card.")
    declined = Payment.objects.filter(invoice=invoice, status=Payment.Status.DECLINED)
    if declined.filter(fingerprint=_fingerprint(token), may_retry=False).exists():
        raise CannotPay("This card or account cannot be used here again. Please use another one.")
    declines = Payment.objects.filter(link=link).declined_since(now.read_at).count()
    if declines >= MAX_DECLINES_PER_HOUR:
        raise CannotPay("There were too many declined attempts. Wait an hour, or call us.")
    return account


def _keep_agreement(payment: Payment, agreement: authorization_text.Agreement) -> None:
    """Store the authorization as it stood when Pay was tapped."""
    Authorization.objects.create(
        tenant=payment.tenant,
        payment=payment,
        text=agreement.text,
        version=agreement.version,
        language=agreement.language,
        amount=payment.total,
        payer_name=agreement.payer_name,
        # The database's clock, as for the charge, so that the authorization is never later than the
        # charge.
        agreed_at=payment.created_at,
        zone=payment.tenant.timezone,
        ip=agreement.ip,
        user_agent=agreement.user_agent[:300],
    )


def _brand(method: str, token: str, account_type: str) -> str:
    """Visa and so on; of a bank account, Checking or Savings."""
    if method == authorization_text.ACH:
        return authorization_text.ACCOUNT_TYPES[account_type].title()
    return authorization_text.brand_of(token) or "Card"


def _fingerprint(token: str) -> str:
    """A keyed digest that recognizes the same card without storing its token."""
    return salted_hmac("payments.fingerprint", token, algorithm="sha256").hexdigest()[:32]
