"""The REST API, version 1: session sign-in, one tenant at a time, public ids only."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import exception_handler

from customers.api import CustomerViewSet
from invoices.api import InvoiceViewSet
from payments.api import PaymentViewSet
from sms.api import TextMessageViewSet

app_name = "api"
router = SimpleRouter(use_regex_path=False)
router.register("invoices", InvoiceViewSet, basename="invoice")
router.register("customers", CustomerViewSet, basename="customer")
router.register("texts", TextMessageViewSet, basename="text")
router.register("payments", PaymentViewSet, basename="payment")
urlpatterns = router.urls


def error_with_words(exc: Exception, context: dict[str, object]) -> Response | None:
    """Every error as JSON with `code`, `detail` (a sentence) and, for bad input, `fields`."""
    response = exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, exceptions.ValidationError):
        response.data = {
            "code": "invalid",
            "detail": "Some of the data is not valid; see fields.",
            "fields": response.data,
        }
    elif isinstance(exc, PermissionDenied | exceptions.PermissionDenied):
        response.data = {"code": "not_allowed", "detail": "Your role does not allow this."}
        response.status_code = status.HTTP_403_FORBIDDEN
    else:
        detail = getattr(exc, "detail", None)
        code = detail.code if isinstance(detail, exceptions.ErrorDetail) else "not_found"
        response.data = {"code": code, **response.data}
    return response
