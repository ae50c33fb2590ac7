"""Every address that works without signing in, by URL name. A test compares it with the URLs.

What a payer sees lives in a `public.py`, what a provider calls in a `webhooks.py`
or `inbound.py`.
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
