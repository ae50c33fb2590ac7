"""Accounts from the environment: who may use the fake gateway and the fake Twilio."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from sandbox import fees
from sandbox.models import Account, Merchant

ACCOUNT_OPTIONS = ("inbound_url", "api_keys", "test", "webhook_key")


def load() -> None:
    """Create or refresh every account named in the environment."""
    for merchant in parse(settings.MERCHANTS, parse_merchant):
        register_merchant(merchant)
    for account in parse(settings.TWILIO_ACCOUNTS, parse_account):
        register_account({"inbound_url": inbound_url(), **account})


def inbound_url() -> str:
    """Return where texts from phones are told, as one would enter it at Twilio; "" for nowhere."""
    return f"{settings.PRODUCT_URL}/webhooks/twilio/inbound/" if settings.PRODUCT_URL else ""


def parse(text: str, read_line: Any) -> Iterable[dict[str, Any]]:
    """Read a JSON list of objects, or the short comma form, into dictionaries."""
    text = text.strip()
    if text.startswith("["):
        return list(json.loads(text))
    return [read_line(part.strip()) for part in text.split(",") if part.strip()]


def parse_merchant(line: str) -> dict[str, Any]:
    """Read ``merchid:username:password[:flags]``; flags are joined by ``+``."""
    merchid, username, password, *rest = line.split(":")
    flags = rest[0].lower().split("+") if rest else []
    return {
        "merchid": merchid,
        "username": username,
        "password": password,
        "ach": "ach" in flags,
        "unsettled_refunds": "unsettled" in flags,
        "funding_cents": "cents" in flags,
        "processor": "RPCT" if "rpct" in flags else "FNOR",
        **next(filter(None, map(fees.read_flag, flags)), {}),
    }


def parse_account(line: str) -> dict[str, Any]:
    """Read ``ACsid:authtoken:+1from[|+1from2|MGsid]``."""
    sid, auth_token, senders = line.split(":")
    return {"sid": sid, "auth_token": auth_token, "senders": senders.split("|")}


def register_merchant(data: dict[str, Any]) -> Merchant:
    """Create or change the merchant with this ``merchid``; raises KeyError on missing fields."""
    fields = ("processor", "ach", "unsettled_refunds", "currency", "funding_cents")
    fee = ("fee_type", "fee_format", "fee_value")
    values = {key: data[key] for key in (*fields, *fee) if key in data}
    values |= {"username": data["username"], "password": data["password"]}
    return Merchant.objects.update_or_create(merchid=str(data["merchid"]), defaults=values)[0]


def register_account(data: dict[str, Any]) -> Account:
    """Create or change the Twilio account with this ``sid``; raises KeyError on missing fields."""
    senders = [str(sender) for sender in data.get("senders", [])]
    values: dict[str, Any] = {"auth_token": data["auth_token"]}
    values |= {key: data[key] for key in ACCOUNT_OPTIONS if key in data}
    if senders:
        values["numbers"] = [sender for sender in senders if not sender.startswith("MG")]
        values["services"] = [sender for sender in senders if sender.startswith("MG")]
    return Account.objects.update_or_create(sid=str(data["sid"]), defaults=values)[0]
