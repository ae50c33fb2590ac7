"""How a tenant gets Text-to-Pay: the request, the processor, the switch.

CardConnect is called before anything is stored, never inside a transaction.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_scopes import scope

from audit.models import record
from payments.gateway.client import (
    CredentialError,
    NotSent,
    Unknown,
    check_credentials,
    merchant,
)
from payments.models import CardConnectAccount, Payment, Refund
from tenants.models import Tenant, User

log = logging.getLogger(__name__)

ADDS_FEE = (
    "This merchant account adds {fee}, which CardConnect does not report before a "
    "payment, so customers would be charged more than the Pay Now page shows. Ask "
    "CardConnect for a merchant ID with a surcharge, or without a fee."
)
MOST_NAMED = 5
LEFT_BEHIND = (
    "The site and merchant ID were not changed, because the outcome of these can only be "
    "checked there: {what}. Wait until the payments have settled or cleared, or resolve "
    "them on their invoices, then try again. To take no new payments in the meantime, "
    "turn Text-to-Pay off and set the processor to none. A new user name or password for "
    "the same merchant ID can be stored at any time."
)


class NotEnabled(Exception):
    """Text-to-Pay or the processor was not changed; str() is the sentence to show."""


@dataclass(frozen=True, repr=False)
class Credentials:
    """What Support typed. An empty password keeps the stored one."""

    site: str
    merchid: str
    username: str
    password: str
    ach_enabled: bool


def request_text_to_pay(tenant: Tenant, actor: User) -> bool:
    """**Contact Support to enable Text-to-Pay**. False when it is enabled or was requested."""
    with transaction.atomic():
        row = _locked(tenant)
        if row.text_to_pay_enabled or row.text_to_pay_requested_at:
            return False
        row.text_to_pay_requested_at = timezone.now()
        row.save(update_fields=["text_to_pay_requested_at"])
        _record("tenant.text_to_pay_requested", row, actor)
    tenant.refresh_from_db()
    return True


def enable_text_to_pay(tenant: Tenant, actor: User) -> bool:
    """Enable it once CardConnect accepts the stored credentials. False when it is enabled already.

    Raises NotEnabled, with an audit entry, when there is no processor, when there are no
    credentials, or when CardConnect refuses them.
    """
    if tenant.text_to_pay_enabled:
        return False
    account = CardConnectAccount.objects.filter(tenant=tenant).first()
    try:
        account = _check(tenant, account)
        account.save_fee()
        if account.refuses_payments:
            raise NotEnabled(ADDS_FEE.format(fee=account.fee_words))
    except NotEnabled as refused:
        _record("tenant.text_to_pay_refused", tenant, actor, reason=str(refused))
        raise
    with transaction.atomic():
        row = _locked(tenant)
        if row.text_to_pay_enabled:
            return False
        row.text_to_pay_enabled = True
        row.save(update_fields=["text_to_pay_enabled"])
        CardConnectAccount.objects.filter(tenant=row).update(checked_at=timezone.now())
        _record("tenant.text_to_pay_enabled", row, actor)
    tenant.refresh_from_db()
    return True


def disable_text_to_pay(tenant: Tenant, actor: User) -> bool:
    """Disable it: no new text is sent. Links already sent stay payable. False when it was
    disabled.
    """
    with transaction.atomic():
        row = _locked(tenant)
        if not row.text_to_pay_enabled:
            return False
        row.text_to_pay_enabled = False
        row.text_to_pay_requested_at = None
        row.save(update_fields=["text_to_pay_enabled", "text_to_pay_requested_at"])
        _record("tenant.text_to_pay_disabled", row, actor)
    tenant.refresh_from_db()
    return True


def set_credentials(tenant: Tenant, credentials: Credentials, actor: User) -> None:
    """Store credentials that CardConnect accepts; otherwise the present ones stay.

    A change of site or merchant ID is refused while a payment or refund at the present one has no
    final outcome, because only its own credentials can inquire about it. An account with a
    surcharge is stored and the surcharge is shown to payers; an account with another fee is
    stored, but takes no payments. Raises NotEnabled with the reason.
    """
    account = CardConnectAccount.objects.filter(tenant=tenant).first()
    account = account or CardConnectAccount(tenant=tenant)
    changed = _fill(account, credentials)
    if not account.password_sealed:
        raise NotEnabled("Enter the CardConnect password.")
    _check_nothing_is_left_behind(account)
    _ask(account)
    account.checked_at = timezone.now()
    with transaction.atomic():
        row = _locked(tenant)
        CardConnectAccount.hold(row)
        _check_nothing_is_left_behind(
            account
        )  # A payment may have started while CardConnect was called.
        account.save_settings()
        _record("tenant.credentials_changed", row, actor, provider="CardConnect", fields=changed)


def set_processor(tenant: Tenant, processor: str, actor: User) -> bool:
    """Make CardConnect (or nothing) the processor. False when it is that already.

    Raises NotEnabled when CardConnect refuses, or when Text-to-Pay is enabled and would have no
    processor.
    """
    if tenant.processor == processor:
        return False
    if processor == Tenant.Processor.CARDCONNECT:
        account = _complete(CardConnectAccount.objects.filter(tenant=tenant).first())
        _ask(account)
        account.save_fee()
    with transaction.atomic():
        row = _locked(tenant)
        if processor == Tenant.Processor.NONE and row.text_to_pay_enabled:
            raise NotEnabled("Text-to-Pay is on and needs CardConnect. Turn it off first.")
        row.processor = processor
        row.save(update_fields=["processor"])
        _record("tenant.processor_changed", row, actor, processor=row.get_processor_display())
    tenant.refresh_from_db()
    return True


def _check(tenant: Tenant, account: CardConnectAccount | None) -> CardConnectAccount:
    if not tenant.takes_payments:
        raise NotEnabled("Set CardConnect as the payment processor first.")
    account = _complete(account)
    _ask(account)
    return account


def _complete(account: CardConnectAccount | None) -> CardConnectAccount:
    if account is None or not account.password_sealed:
        raise NotEnabled("Enter the CardConnect credentials first.")
    return account


def _ask(account: CardConnectAccount) -> None:
    """Check the credentials and read the account's fee; the caller saves both."""
    try:
        check_credentials(account)
    except CredentialError as error:
        raise NotEnabled(str(error)) from None
    try:
        merchant_setup = merchant(account)
    except (NotSent, Unknown):
        # The fee stored before stays. A fee that appears in a response is voided and recorded.
        log.warning("CardConnect does not tell how the account of %s is set up", account.tenant)
    else:
        account.set_fee(
            merchant_setup.fee_type, merchant_setup.fee_format, merchant_setup.fee_value
        )


def _check_nothing_is_left_behind(account: CardConnectAccount) -> None:
    """Raise NotEnabled when anything is unresolved at another site or merchant ID than this."""
    with scope(tenant=account.tenant):
        left = _left_behind(account)
    if left:
        more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
        raise NotEnabled(LEFT_BEHIND.format(what=", ".join(left[:MOST_NAMED]) + more))


def _left_behind(account: CardConnectAccount) -> list[str]:
    """What has no final outcome there, for people: "INV-1042 (bank payment started)"."""
    payments = Payment.objects.filter(tenant=account.tenant).unfinished()
    refunds = Refund.objects.filter(tenant=account.tenant).open()
    here = {"site": account.site, "merchid": account.merchid}
    there = {f"payment__{name}": value for name, value in here.items()}
    return [
        f"{payment.invoice.number} ({payment.get_status_display().lower()})"
        for payment in payments.exclude(**here).select_related("invoice").order_by("id")
    ] + [
        f"{refund.payment.invoice.number} ({refund.get_kind_display().lower()} not finished)"
        for refund in refunds.exclude(**there).select_related("payment__invoice").order_by("id")
    ]


def _fill(account: CardConnectAccount, typed: Credentials) -> list[str]:
    """Set the typed values on the account; returns the changed fields' names, never values."""
    changed = []
    for name in ("site", "merchid", "username", "ach_enabled"):
        if getattr(account, name) != getattr(typed, name):
            setattr(account, name, getattr(typed, name))
            changed.append(name)
    if typed.password:
        account.set_password(typed.password)
        changed.append("password")
    return changed


def _locked(tenant: Tenant) -> Tenant:
    return Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)


def _record(action: str, tenant: Tenant, actor: User, **data: Any) -> None:
    record(action, tenant=tenant, subject=tenant.audit_subject, actor=actor, **data)
