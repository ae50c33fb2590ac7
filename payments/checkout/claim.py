"""Claiming an invoice for one charge: what must be true, under its lock, before any call."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.crypto import salted_hmac

from audit.clock import DbNow, db_now
from invoices.models import Invoice, PaymentLink
from payments.checkout import amounts, authorization_text
from payments.models.account import CardConnectAccount
from payments.models.authorization import Authorization

if TYPE_CHECKING:
    from payments.models import Payment

ZERO = Decimal("0.00")
MAX_DECLINES_PER_HOUR = 5
# When the gateway may be asked about an attempt: it answers at 32 seconds at the latest.
ASK_AFTER = dt.timedelta(seconds=45)
# What needs a person is asked about as well, more and more seldom, for so long.
SLOW_FOR = dt.timedelta(days=30)


class CannotPay(Exception):
    """This payment may not start; str() is the sentence to show. No money has moved."""


class AmountChanged(CannotPay):
    """The balance, or the total with its surcharge, is not what the payer agreed to."""

    def __init__(self, agreed: Decimal, now: Decimal, *, by_fee: bool = False) -> None:
        super().__init__("The amount changed while you were here.")
        self.agreed, self.now, self.by_fee = agreed, now, by_fee


class SentBefore(CannotPay):
    """This form has started a payment with another card or account, or of another amount."""

    def __init__(self, payment: Payment) -> None:
        super().__init__("You had already sent a payment from this page.")
        self.payment = payment


class PaymentQuerySet(models.QuerySet["Payment"]):
    """Payments of one company."""

    def in_flight(self) -> PaymentQuerySet:
        """Those whose outcome is not known; while there is one, nobody may pay the invoice."""
        return self.filter(status__in=self.model.IN_FLIGHT)

    def booked(self) -> PaymentQuerySet:
        """Those that lower the balance."""
        return self.filter(status__in=self.model.BOOKED)

    def booked_total(self) -> Decimal:
        """What they lower it by: their amounts less what was given back of them."""
        kept = Sum(F("amount") - F("refunded"))
        return self.booked().aggregate(total=kept)["total"] or ZERO

    def uncleared(self) -> PaymentQuerySet:
        """Bank payments that were started and may still come back."""
        return self.filter(status=self.model.Status.STARTED)

    def to_ask_about(self, now: dt.datetime) -> PaymentQuerySet:
        """Those without an outcome whose turn it is to be asked about."""
        waits = self.model.Status.NEEDS_ATTENTION
        return (
            self.in_flight()
            .exclude(status=waits, resolved_at__lt=now - SLOW_FOR)
            .annotate(begun_at=Coalesce("sent_at", "created_at"))
            .filter(begun_at__lte=now - ASK_AFTER)
            .filter(Q(next_inquiry_at__isnull=True) | Q(next_inquiry_at__lte=now))
        )

    def start(
        self,
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
        """Claim the invoice for one charge and keep what was agreed; (payment, whether new).

        The same form gives the same payment by its `key`, so that a double click or a replay never
        charges twice; another form with that key raises SentBefore. `seen` is the balance the payer
        saw, when `amount` may be a part of it; `fee` is the surcharge they agreed to on top. Raises
        CannotPay or AmountRefused with a sentence, AmountChanged when the balance is another one.
        """
        with transaction.atomic():
            invoice = link.invoice.locked()
            same = self.filter(link=link, key=key).first()
            if same is not None:
                sent = (same.method, same.amount, same.fee, same.fingerprint)
                if sent != (method, amount, fee, _fingerprint(token)):
                    raise SentBefore(same)
                return same, False
            account = self._check_may_start(link, invoice, method, token)
            shown = amount if seen is None else seen
            if shown != invoice.balance:
                raise AmountChanged(shown, invoice.balance)
            amounts.check(invoice.tenant, invoice.balance, amount)
            payment = self.model(
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
            payment.record_start()
        return payment, True

    def _check_may_start(
        self, link: PaymentLink, invoice: Invoice, method: str, token: str
    ) -> CardConnectAccount:
        """The account to charge with, when link, invoice and company allow it now."""
        CardConnectAccount.hold(invoice.tenant)
        now = PaymentLink._base_manager.annotate(read_at=DbNow()).get(pk=link.pk)
        if not now.is_live_at(now.read_at):
            raise CannotPay("This payment link no longer takes payments.")
        if self.filter(invoice=invoice).in_flight().exists():
            raise CannotPay("A payment is being confirmed. Please do not pay again.")
        if not invoice.is_payable:
            raise CannotPay("There is nothing to pay on this invoice.")
        account = CardConnectAccount.of(invoice.tenant)
        if account is None or account.refuses_payments or not invoice.tenant.is_active:
            raise CannotPay("This invoice cannot be paid online.")
        if method == self.model.Method.ACH and not account.takes_bank_payments:
            raise CannotPay("Bank payments are not available here. Please pay by card.")
        declined = self.filter(invoice=invoice, status=self.model.Status.DECLINED)
        if declined.filter(fingerprint=_fingerprint(token), may_retry=False).exists():
            raise CannotPay("This card or account was refused for good. Please use another one.")
        if self.filter(link=link).declined_since(now.read_at).count() >= MAX_DECLINES_PER_HOUR:
            raise CannotPay("There were too many declined tries. Wait an hour, or call us.")
        return account

    def declined_since(self, now: dt.datetime) -> PaymentQuerySet:
        """Declined in the last hour: somebody may be trying card numbers."""
        return self.filter(
            status=self.model.Status.DECLINED, resolved_at__gt=now - dt.timedelta(hours=1)
        )


def _keep_agreement(payment: Payment, agreement: authorization_text.Agreement) -> None:
    """The evidence of what was agreed to, as it stood when Pay was tapped."""
    Authorization.objects.create(
        tenant=payment.tenant,
        payment=payment,
        text=agreement.text,
        version=agreement.version,
        language=agreement.language,
        amount=payment.total,
        payer_name=agreement.payer_name,
        # The database's clock, as for the charge: agreeing comes first, by one clock.
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
    """Tells the same card again without keeping its token."""
    return salted_hmac("payments.fingerprint", token, algorithm="sha256").hexdigest()[:32]
