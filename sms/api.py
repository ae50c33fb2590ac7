"""Texts in the REST API: read them, send one."""

from __future__ import annotations

from typing import Any, cast

from django.core.exceptions import ValidationError
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from audit.enqueue import enqueue
from customers import phones
from invoices.models import Invoice, InvoiceError
from sms.models import NeedsConfirmation, TextMessage
from sms.reasons import why_not_text
from sms.tasks import deliver
from tenants.access import HasPermission, Permission
from tenants.models import User


class TextMessageSerializer(serializers.ModelSerializer[TextMessage]):
    """One text. The message has the end of its link hidden."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    invoice = serializers.UUIDField(source="invoice.public_id", read_only=True)
    message = serializers.CharField(source="masked_body", read_only=True)
    sent_by = serializers.CharField(source="by", read_only=True)
    link_expires_at = serializers.DateTimeField(source="link.expires_at", read_only=True)

    class Meta:
        model = TextMessage
        fields = (
            "id",
            "invoice",
            "to",
            "message",
            "status",
            "error_code",
            "error",
            "segments",
            "sent_by",
            "queued_at",
            "sent_at",
            "finished_at",
            "link_expires_at",
        )
        read_only_fields = fields


class SendSerializer(serializers.Serializer[Any]):
    """What sending needs. `key` makes a repeated request the same text; `seen` is the id of the
    text before, and says that another one is wanted after it."""

    invoice = serializers.UUIDField()
    to = serializers.CharField(max_length=30)
    country = serializers.ChoiceField(choices=phones.COUNTRIES, default=phones.HOME)
    key = serializers.UUIDField()
    seen = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Leave `to` as E.164, of a phone that can get texts."""
        try:
            attrs["to"] = phones.parse(attrs["to"], attrs["country"])
        except ValidationError as error:
            raise serializers.ValidationError({"to": error.messages}) from None
        if not phones.can_text(attrs["to"]):
            kind = phones.kind(attrs["to"])
            raise serializers.ValidationError({"to": [f"A {kind} number cannot get texts."]})
        return attrs


class TextMessageViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[TextMessage]
):
    """GET lists and shows texts; POST sends one: 201 new, 200 repeated, 409 with the reason."""

    serializer_class = TextMessageSerializer
    permission_classes = (HasPermission,)
    permissions_by_action = {
        "list": Permission.VIEW_INVOICES,
        "retrieve": Permission.VIEW_INVOICES,
        "create": Permission.SEND_TEXTS,
    }
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> Any:
        """The company's texts, newest first."""
        return TextMessage.objects.select_related("invoice", "link", "sent_by")

    def create(self, request: Request) -> Response:
        """Send an invoice by SMS."""
        asked = SendSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        invoices = Invoice.objects.select_related("tenant")
        invoice = get_object_or_404(invoices, public_id=data["invoice"])
        if reason := why_not_text(invoice, request.membership):  # type: ignore[attr-defined]
            return refusal(reason.code, reason.sentence)
        try:
            message, new = TextMessage.objects.queue(
                invoice,
                to=data["to"],
                actor=cast(User, request.user),
                key=data["key"],
                seen=str(data.get("seen", "")),
                confirmed="seen" in data,
            )
        except NeedsConfirmation as question:
            return refusal("already_sent", str(question), seen=str(question.last.public_id))
        except InvoiceError as error:
            return refusal("invoice", str(error))
        if not new and message.key != data["key"]:
            return refusal("on_its_way", "A text for this invoice is on its way already.")
        if new:
            enqueue(deliver, message.pk)
        code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(self.get_serializer(message).data, status=code)


def refusal(code: str, sentence: str, **more: str) -> Response:
    """409: nothing was sent, and why."""
    body = {"code": code, "detail": sentence, **more}
    return Response(body, status=status.HTTP_409_CONFLICT)
