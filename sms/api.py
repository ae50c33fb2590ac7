"""Texts in the REST API."""

from __future__ import annotations

import uuid
from math import ceil
from typing import NotRequired, TypedDict

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response

from customers import phones
from invoices.models import Invoice, InvoiceError
from sms.compliance import send_check
from sms.compliance.findings import SendCheck
from sms.models import TextMessage
from sms.outbox.queue import NeedsConfirmation
from sms.recipient import Recipient
from sms.staff.send import Refused, send_text
from tenants.access import HasPermission, Permission
from tenants.models import User
from tenants.requests import StaffApiRequest


class TextMessageSerializer(serializers.ModelSerializer[TextMessage]):
    """One text, with the end of its link hidden."""

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
            "not_before",
            "sent_at",
            "finished_at",
            "link_expires_at",
        )
        read_only_fields = fields


class SendData(TypedDict):
    """A valid request to send."""

    invoice: uuid.UUID
    to: str
    country: str
    key: uuid.UUID
    seen: NotRequired[uuid.UUID]
    override: bool


class SendSerializer(serializers.Serializer[SendData]):
    """A request to send. `key` makes it idempotent. `seen` is the id of the newest earlier text and
    confirms that another one is wanted. `override` lifts the limits on resending, for roles that
    may."""

    invoice = serializers.UUIDField()
    to = serializers.CharField(max_length=30)
    country = serializers.ChoiceField(choices=phones.COUNTRIES, default=phones.HOME)
    key = serializers.UUIDField()
    seen = serializers.UUIDField(required=False)
    override = serializers.BooleanField(default=False)

    def validate(self, attrs: SendData) -> SendData:
        """Put `to` as E.164, of a line that can receive texts."""
        try:
            attrs["to"] = phones.parse(attrs["to"], attrs["country"])
        except ValidationError as error:
            raise serializers.ValidationError({"to": error.messages}) from None
        if not phones.can_text(attrs["to"]):
            kind = phones.kind(attrs["to"])
            raise serializers.ValidationError({"to": [f"A {kind} number cannot receive texts."]})
        return attrs


class TextMessageViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[TextMessage]
):
    """GET lists and shows texts; POST sends one: 201 new, 200 repeated, 409 with the reason, 429
    when the invoice was texted too often of late."""

    serializer_class = TextMessageSerializer
    permission_classes = (HasPermission,)
    permissions_by_action = {
        "list": Permission.VIEW_INVOICES,
        "retrieve": Permission.VIEW_INVOICES,
        "create": Permission.SEND_TEXTS,
    }
    lookup_field = "public_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[TextMessage]:
        return TextMessage.objects.select_related("invoice", "link", "sent_by")

    def create(self, request: StaffApiRequest) -> Response:
        """Send an invoice by SMS; in quiet hours it waits until `not_before` of the response."""
        serializer = SendSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        invoices = Invoice.objects.select_related("tenant", "customer")
        invoice = get_object_or_404(invoices, public_id=data["invoice"])
        membership = request.membership
        if reason := send_check.refusal(invoice, membership):
            return refusal(reason.code, reason.sentence)
        if data["override"] and not membership.allows(Permission.TEXT_AGAIN):
            raise PermissionDenied("Your role cannot override the limits on resending.")
        try:
            message, new = _send(invoice, data, request.user)
        except Refused as refused:
            return refused_by(refused.check)
        except NeedsConfirmation as question:
            return refusal("already_sent", str(question), seen=str(question.last.public_id))
        except InvoiceError as error:
            return refusal("invoice", str(error))
        if not new and message.key != data["key"]:
            return refusal("on_its_way", "A text for this invoice is already on its way.")
        code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(self.get_serializer(message).data, status=code)


def _send(invoice: Invoice, data: SendData, actor: User) -> tuple[TextMessage, bool]:
    return send_text(
        invoice,
        Recipient.of(invoice.customer, data["to"]),
        actor=actor,
        key=data["key"],
        seen=str(data.get("seen", "")),
        confirmed="seen" in data,
        override=data["override"],
    )


def refusal(code: str, sentence: str, **more: str) -> Response:
    """409: nothing was sent, with the reason."""
    body = {"code": code, "detail": sentence, **more}
    return Response(body, status=status.HTTP_409_CONFLICT)


def refused_by(check: SendCheck) -> Response:
    """409, or 429 for a limit on resending, with the findings of the send check, the worst first.

    `again_at` is when to try again, where waiting helps.
    """
    found = [{"code": f.code, "level": f.level, "detail": f.sentence} for f in check.findings]
    answer = refusal(found[0]["code"], found[0]["detail"])
    answer.data["findings"] = found
    if check.again_at is not None:
        answer.data["again_at"] = check.again_at.isoformat()
    if check.only_limits and check.again_at is not None:
        answer.status_code = status.HTTP_429_TOO_MANY_REQUESTS
        seconds = ceil((check.again_at - timezone.now()).total_seconds())
        answer.headers["Retry-After"] = str(max(seconds, 1))
    return answer
