"""All permissions, and the roles that each tenant starts with."""

from __future__ import annotations

from django.db import models


class Permission(models.TextChoices):
    """Everything that a role can permit."""

    VIEW_INVOICES = "view_invoices", "See invoices"
    EDIT_INVOICES = "edit_invoices", "Create and edit invoices"
    SEND_TEXTS = "send_texts", "Send invoices by SMS"
    SEND_MANY = "send_many", "Text many invoices at once"
    TEXT_AGAIN = "text_again", "Resend an invoice before the waiting period ends"
    ANSWER_TEXTS = "answer_texts", "Read and answer customers' texts, record opt-outs"
    SEND_EMAILS = "send_emails", "Send invoices by email"
    EXPIRE_LINKS = "expire_links", "Expire payment links"
    VIEW_CUSTOMERS = "view_customers", "See customers"
    EDIT_CUSTOMERS = "edit_customers", "Create and edit customers and contacts"
    SEE_MONEY = "see_money", "See payments and match them with CardConnect"
    RECORD_PAYMENTS = "record_payments", "Record cash and checks"
    REFUND_PAYMENTS = "refund_payments", "Void and refund payments"
    RELEASE_REFUNDS = "release_refunds", "Release refunds that someone else requested"
    MANAGE_SETTINGS = "manage_settings", "Change settings and people"


ADMINISTRATOR = "Administrator"
BUILT_IN_ROLES: dict[str, set[str]] = {
    ADMINISTRATOR: set(Permission.values),
    "Office": set(Permission.values)
    - {
        Permission.REFUND_PAYMENTS.value,
        Permission.RELEASE_REFUNDS.value,
        Permission.TEXT_AGAIN.value,
        Permission.MANAGE_SETTINGS.value,
    },
    "Viewer": {Permission.VIEW_INVOICES.value, Permission.VIEW_CUSTOMERS.value},
}
