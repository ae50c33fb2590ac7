"""Invoices in the REST API, read-only."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets

from invoices.models import Invoice, LineItem
from tenants.access import HasPermission, Permission


class LineItemSerializer(serializers.ModelSerializer[LineItem]):
    """One line of an invoice."""

    amount = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True)

    class Meta:
        model = LineItem
        fields = ("description", "quantity", "unit_price", "amount")
        read_only_fields = fields


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    """An invoice with its lines. Money is text with two decimals, never a float."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    customer = serializers.UUIDField(source="customer.public_id", read_only=True)
    currency = serializers.CharField(source="tenant.currency", read_only=True)
    balance = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True)
    lines = LineItemSerializer(many=True, read_only=True)

    class Meta:
        model = Invoice
        fields = (
            "id",
            "number",
            "customer",
            "description",
            "status",
            "issued_on",
            "due_on",
            "currency",
            "tax",
            "total",
            "paid",
            "balance",
            "paid_at",
            "lines",
            "created_at",
        )
        read_only_fields = fields


class InvoiceViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Invoice]
):
    """GET lists and shows invoices; `?status=open` and `?search=` narrow the list."""

    serializer_class = InvoiceSerializer
    permission_classes = (HasPermission,)
    permissions_by_action = {
        "list": Permission.VIEW_INVOICES,
        "retrieve": Permission.VIEW_INVOICES,
    }
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Invoice]:
        """The tenant's invoices, newest first."""
        found = Invoice.objects.select_related("customer", "tenant").prefetch_related("lines")
        status = self.request.query_params.get("status", "")
        words = self.request.query_params.get("search", "").strip()
        if status:
            found = found.filter(status=status)
        return found.matching(words) if words else found
