"""Every address that works without signing in, by URL name. A test compares it with the URLs.

Payer pages are in a `public.py`, provider callbacks in a `webhooks.py` or `inbound.py`.
"""

PUBLIC = frozenset(
    {
        "payments:pay",
        "payments:pay_status",
        "payments:fee",
        "payments:opened",
        "sms:delivery_status",
        "sms:inbound",
        "tenants:brand_css",
        "healthz",
        "readyz",
    }
)
