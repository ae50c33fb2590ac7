"""Which page a payment link opens now."""

from __future__ import annotations

from dataclasses import dataclass

from invoices.models import Invoice, PaymentLink
from payments.models import CardConnectAccount, Payment

READY, CHECKING, ATTENTION = "ready", "checking", "attention"
PAID, STARTED = "already_paid", "already_started"
EXPIRED, REPLACED, CLOSED = "expired", "replaced", "closed"
VOID, NOT_READY, NOT_SET_UP = "void", "not_ready", "not_set_up"
_ENDS = {
    PaymentLink.Status.SUPERSEDED: REPLACED,
    PaymentLink.Status.EXPIRED: EXPIRED,
    PaymentLink.Status.DISABLED: EXPIRED,
    PaymentLink.Status.CLOSED: CLOSED,
}
_BILLS = {
    Invoice.Status.VOID: VOID,
    Invoice.Status.DRAFT: NOT_READY,
    Invoice.Status.PAID: PAID,
    Invoice.Status.PENDING: STARTED,
}


@dataclass(frozen=True)
class LinkState:
    """The state of a link, and what its page needs."""

    state: str
    account: CardConnectAccount | None = None
    payment: Payment | None = None


def state_of(link: PaymentLink) -> LinkState:
    """The link's state, by the database's clock at the time the link was read."""
    invoice = link.invoice
    open_attempt = Payment.objects.filter(invoice=invoice).in_flight().first()
    if open_attempt is not None:
        needs_person = open_attempt.status == Payment.Status.NEEDS_ATTENTION
        state = ATTENTION if needs_person else CHECKING
        return LinkState(state, payment=open_attempt)
    if invoice.status in _BILLS:
        return LinkState(_BILLS[Invoice.Status(invoice.status)])
    if not _is_live(link):
        return LinkState(_ENDS.get(PaymentLink.Status(link.status), EXPIRED))
    account = CardConnectAccount.of(invoice.tenant)
    if account is None or account.refuses_payments or not invoice.tenant.is_active:
        return LinkState(NOT_SET_UP)
    return LinkState(READY if invoice.is_payable else NOT_READY, account)


def may_name(link: PaymentLink) -> bool:
    """Whether the link's pages may show the invoice's number, dates and amounts: not after it
    expired or was ended by hand.
    """
    return _is_live(link) or link.closed_in_time


def _is_live(link: PaymentLink) -> bool:
    return link.is_live_at(link.read_at)  # type: ignore[attr-defined]
