"""Payments in Django admin: read-only, with an inquiry at CardConnect as the only action."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from payments.checkout import charge
from payments.models import Payment, Refund
from payments.models.authorization import Authorization
from payments.refunding import execute


class ReadOnlyAdmin(admin.ModelAdmin):
    """No field can be edited."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    """Every payment attempt of every tenant."""

    list_display = (
        "reference", "tenant", "invoice", "amount", "fee", "method", "status", "account_label",
        "respcode", "resptext", "created_at",
    )  # fmt: skip
    list_filter = ("status", "method", "tenant")
    list_select_related = ("tenant", "invoice")
    search_fields = ("orderid", "retref", "invoice__number")
    exclude = ("fingerprint", "key")
    actions = ("ask_again",)

    @admin.action(description="Check with CardConnect again", permissions=["view"])
    def ask_again(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        """Inquire about attempts without an outcome; the others are not changed."""
        open_ones = queryset.filter(status__in=Payment.IN_FLIGHT).select_related(
            "tenant__cardconnect"
        )
        for payment in open_ones:
            charge.inquire(payment)
            payment.refresh_from_db()
            self.message_user(request, f"{payment.reference}: {payment.get_status_display()}")


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Every void and refund of every tenant."""

    list_display = (
        "payment", "tenant", "kind", "amount", "status", "outcome", "orderid", "requested_at",
    )  # fmt: skip
    list_filter = ("status", "kind", "tenant")
    list_select_related = ("tenant", "payment__invoice")
    search_fields = ("orderid", "retref", "payment__orderid", "payment__invoice__number")
    exclude = ("key",)
    actions = ("ask_again",)

    @admin.action(description="Check with CardConnect again", permissions=["view"])
    def ask_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        """Inquire about those that were sent and have no outcome; the others are not changed."""
        open_ones = queryset.filter(status__in=Refund.IN_FLIGHT)
        for refund in open_ones.select_related("payment__tenant__cardconnect", "payment__invoice"):
            execute.inquire(refund)
            refund.refresh_from_db()
            self.message_user(request, f"{refund}: {refund.get_status_display()}")


@admin.register(Authorization)
class AuthorizationAdmin(ReadOnlyAdmin):
    """The evidence of what payers agreed to."""

    list_display = ("payment", "tenant", "amount", "version", "agreed_at", "ip", "sha256")
    list_filter = ("tenant", "version")
    list_select_related = ("payment__invoice", "tenant")
    search_fields = ("payment__orderid", "payment__retref", "payer_name")
