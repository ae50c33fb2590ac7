"""**Print letter**: for a customer whom neither text nor email reaches."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from invoices.letters import address_lines, print_letter
from invoices.models import Invoice, InvoiceError
from tenants.access import Permission, staff
from tenants.requests import StaffRequest


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff(Permission.SEND_EMAILS, Permission.SEND_TEXTS)
def letter(request: StaffRequest, public_id: uuid.UUID) -> HttpResponse:
    """GET shows what will be printed; POST shows the letter with the live link and records it."""
    invoice = get_object_or_404(Invoice.objects.with_lines(), public_id=public_id)
    error = ""
    if request.method == "POST":
        try:
            printed = print_letter(invoice, actor=request.user)
        except InvoiceError as refused:
            error = str(refused)
        else:
            return render(request, "invoices/letter.html", {"letter": printed, "invoice": invoice})
    name = "invoices/_letter_before.html" if request.htmx else "invoices/letter_before.html"
    context = {"invoice": invoice, "address": address_lines(invoice), "error": error}
    return render(request, name, context, status=422 if error else 200)
