"""Customers in the REST API, read-only."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets

from customers.models import Contact, Customer
from tenants.access import HasPermission, Permission


class ContactSerializer(serializers.ModelSerializer[Contact]):
    """A contact of a customer."""

    id = serializers.UUIDField(source="public_id", read_only=True)

    class Meta:
        model = Contact
        fields = ("id", "name", "role", "email", "mobile", "phone", "language", "is_billing")
        read_only_fields = fields


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    """A customer with its contacts."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    contacts = ContactSerializer(many=True, read_only=True)

    class Meta:
        model = Customer
        fields = (
            "id",
            "number",
            "name",
            "street",
            "city",
            "region",
            "postal",
            "country",
            "balance",
            "contacts",
            "created_at",
        )
        read_only_fields = fields


class CustomerViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Customer]
):
    """GET lists and shows customers; `?search=` searches name, number, email and phone."""

    serializer_class = CustomerSerializer
    permission_classes = (HasPermission,)
    permissions_by_action = {
        "list": Permission.VIEW_CUSTOMERS,
        "retrieve": Permission.VIEW_CUSTOMERS,
    }
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Customer]:
        """The tenant's customers, in alphabetical order."""
        found = Customer.objects.with_contacts()
        words = self.request.query_params.get("search", "").strip()
        return found.matching(words) if words else found
