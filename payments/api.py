"""Payments in the REST API, read-only."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers, viewsets

from payments.models import Payment
from tenants.access import HasPermission, Permission


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    """One payment attempt; of a card or bank account only the last four digits."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    invoice = serializers.UUIDField(source="invoice.public_id", read_only=True)

    class Meta:
        model = Payment
        fields = (
            "id",
            "invoice",
            "method",
            "amount",
            "fee",
            "status",
            "brand",
            "last4",
            "retref",
            "authcode",
            "respproc",
            "respcode",
            "resptext",
            "reason",
            "created_at",
            "resolved_at",
        )
        read_only_fields = fields


class PaymentViewSet(viewsets.ReadOnlyModelViewSet[Payment]):
    """Payments of the signed-in person's tenant, newest first."""

    serializer_class = PaymentSerializer
    permission_classes = (HasPermission,)
    permissions_by_action = {
        "list": Permission.VIEW_INVOICES,
        "retrieve": Permission.VIEW_INVOICES,
    }
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Payment]:
        """Payments of the current tenant; with ?invoice=<id> those of one invoice."""
        found = Payment.objects.select_related("invoice").order_by("-id")
        invoice = self.request.query_params.get("invoice", "")
        if not invoice:
            return found
        field = serializers.UUIDField()
        return found.filter(invoice__public_id=field.run_validation(invoice))
