"""Why an invoice cannot be texted: one answer for the menu, the pop-up, the API and the POST."""

from __future__ import annotations

from typing import NamedTuple

from django.utils import timezone

from customers import phones
from invoices.models import Invoice
from sms.models import OptOut, TwilioAccount
from tenants.models import Membership, Tenant
from tenants.roles import Permission
from tenants.templatetags.ui import date


class Reason(NamedTuple):
    """A word for programs and a sentence for people."""

    code: str
    sentence: str


def why_not_text(invoice: Invoice, membership: Membership | None) -> Reason | None:
    """The first thing that stands in the way, or None when the invoice may be texted now."""
    return (
        why_no_rights(invoice.tenant, membership)
        or why_not_asked(invoice)
        or why_no_sender(invoice.tenant)
        or why_opted_out(invoice)
    )


def why_not_asked(invoice: Invoice) -> Reason | None:
    """Why an invoice asks for no money now, or None."""
    if invoice.status != Invoice.Status.OPEN:
        return Reason(f"invoice_{invoice.status}", _STATUS[invoice.status])
    if not invoice.is_payable:
        return Reason("nothing_to_pay", "There is nothing to pay on this invoice.")
    return None


def why_no_texts(tenant: Tenant, membership: Membership | None) -> Reason | None:
    """What stands in the way of texting any invoice of the company, or None."""
    return why_no_rights(tenant, membership) or why_no_sender(tenant)


def why_no_rights(tenant: Tenant, membership: Membership | None) -> Reason | None:
    """What is missing before this person may text: a right, a processor, or Text-to-Pay."""
    if membership is None or not membership.allows(Permission.SEND_TEXTS):
        return Reason(
            "no_permission", "Your role may not send texts. Ask an administrator of your company."
        )
    if not tenant.takes_payments:
        return Reason(
            "no_processor", "Set CardConnect as your payment processor before texting invoices."
        )
    if not tenant.text_to_pay_enabled:
        return Reason("not_enabled", "Text-to-Pay is not enabled for your company yet.")
    return None


def why_no_sender(tenant: Tenant) -> Reason | None:
    """Whether the company lacks a number to text from, or the carriers' approval of it."""
    account = TwilioAccount.objects.filter(tenant=tenant).first()
    if account is None or not account.is_complete:
        return Reason(
            "no_sender", "Your company has no number to text from yet. Support must set it up."
        )
    if not account.is_registered:
        return Reason(
            "not_registered",
            "The carriers have not approved your company's sender yet, so no text would arrive. "
            "Support follows it up.",
        )
    return None


def why_opted_out(invoice: Invoice) -> Reason | None:
    """Whether all mobiles of the customer have opted out; without a mobile, all numbers."""
    able = [c for c in invoice.customer.phone_numbers() if phones.can_text(c.e164)]
    main = [choice for choice in able if choice.kind == "mobile"]
    numbers = [choice.e164 for choice in main or able]
    out = OptOut.objects.select_related("recorded_by").among(invoice.tenant, numbers)
    if not numbers or len(out) < len(numbers):
        return None
    first = (main or able)[0]
    who = first.contact.first_name or "The customer"
    return Reason("opted_out", opted_out(out[first.e164], who, invoice.tenant))


def opted_out(out: OptOut, who: str, tenant: Tenant) -> str:
    """Who said when that no more texts are wanted, and how that ends."""
    zone = tenant.zone
    day = date(out.created_at.astimezone(zone).date(), timezone.now().astimezone(zone).date())
    by = out.recorded_by.name if out.recorded_by else "Staff"
    said = {
        OptOut.Source.REPLY: f"{who} replied STOP on {day}.",
        OptOut.Source.WORDS: f"{who} asked for no more texts on {day}.",
        OptOut.Source.STAFF: f"{by} noted on {day} that {who} wants no texts.",
        OptOut.Source.TWILIO: f"Twilio reported on {day} that {who} opted out.",
    }[OptOut.Source(out.source)]
    return f"{said[0].upper()}{said[1:]} By law they get no text until they reply START."


_STATUS = {
    "draft": "This invoice is a draft. Open it for payment first.",
    "pending": "A bank payment for the whole balance has been started.",
    "paid": "This invoice is paid.",
    "void": "This invoice is void and asks for nothing.",
}
