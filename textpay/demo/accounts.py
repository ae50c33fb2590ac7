"""The accounts that the sandbox knows, from the same environment that the sandbox reads."""

from __future__ import annotations

import os
from dataclasses import dataclass

# The sandbox's own defaults; see .env.example.
MERCHANTS = (
    "496160873888:testing:testing123:ach,800000009033:testing:testing123:rpct+surcharge3"
    ",800000001078:testing:testing123:ach,800000004402:testing:testing123:ach"
)
TWILIO = (
    "AC5a4db0c5a4db0c5a4db0c5a4db0c5a4d:sandbox-auth-token:+19785550190"
    "|MG5a4db0c5a4db0c5a4db0c5a4db0c5a4d|+13125550190|+13035550190"
)


@dataclass(frozen=True)
class Merchant:
    """A merchant account at the gateway."""

    merchid: str
    username: str
    password: str
    site: str = "fts-uat"


@dataclass(frozen=True)
class Sender:
    """A Twilio account with a number or a messaging service to send from."""

    account_sid: str
    auth_token: str
    number: str = ""
    service: str = ""


def merchants() -> list[Merchant]:
    """Every merchant of SANDBOX_CARDCONNECT_MERCHANTS, in order."""
    text = os.environ.get("SANDBOX_CARDCONNECT_MERCHANTS") or MERCHANTS
    return [Merchant(*part.strip().split(":")[:3]) for part in text.split(",") if part.strip()]


def senders() -> list[Sender]:
    """Every sender of SANDBOX_TWILIO_ACCOUNTS, in order: no two companies share one."""
    found = []
    for part in (os.environ.get("SANDBOX_TWILIO_ACCOUNTS") or TWILIO).split(","):
        sid, token, froms = part.strip().split(":")
        for sender in froms.split("|"):
            kind = "service" if sender.startswith("MG") else "number"
            found.append(Sender(sid, token, **{kind: sender}))
    return found
