"""An unsaved invoice for the sample texts on settings pages."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from audit import clock
from invoices.models import Invoice
from tenants.models import Tenant


def sample_invoice(tenant: Tenant) -> Invoice:
    """An ordinary invoice of this company, due in thirty days."""
    today = clock.now().astimezone(tenant.zone).date()
    return Invoice(
        tenant=tenant,
        number="INV-1042",
        total=Decimal("182.50"),
        paid=Decimal("0.00"),
        due_on=today + dt.timedelta(days=30),
    )
