"""`manage.py seed_demo`: practice companies with a few months of history. Safe to run again."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django_scopes import scope

from tenants.models import Tenant, User
from textpay.demo import accounts, clock, past
from textpay.demo.bluebird import BLUEBIRD
from textpay.demo.harbor import HARBOR
from textpay.demo.mesa import MESA
from textpay.demo.pine import PINE
from textpay.demo.shop import PASSWORD, Shop
from textpay.demo.stories import billed_together, never_texted, stories_of

SUPPORT = "support@textpay.example"
FOUNDED = 110
COMPANIES = (HARBOR, MESA, PINE, BLUEBIRD)


class Command(BaseCommand):
    """Fills an empty practice installation; companies that exist are not changed."""

    help = __doc__

    def handle(self, *args: object, **options: object) -> None:
        """Create what is missing; write the logins, and the past payments for the sandbox."""
        if not settings.PRACTICE_MODE:
            raise CommandError(
                "seed_demo is for practice only, because everyone knows its logins. Set "
                "PRACTICE_MODE=True to run it."
            )
        hashed = make_password(PASSWORD)
        with transaction.atomic():
            support = _support(hashed)
            merchants, senders = accounts.merchants(), accounts.senders()
            for number, company in enumerate(COMPANIES):
                if Tenant.objects.filter(slug=company.slug).exists():
                    self.stdout.write(f"{company.name} already exists.")
                    continue
                shop = _found(Shop(company, hashed))
                if company is PINE:  # all but CardConnect, so that a newcomer can act as Support
                    shop.add_sender(senders[number])
                    _live(shop, [never_texted(shop, company.buyers[0], 2)])
                else:
                    _enable(shop, merchants[number], senders[number], support)
                    if company.reminds:
                        _remind(shop)
                    _live(shop, _history(shop, support))
                self.stdout.write(f"{company.name} is ready.")
        _write("demo_logins.json", logins())
        slugs = [company.slug for company in COMPANIES]
        _write("demo_past.json", past.charges(Tenant.objects.filter(slug__in=slugs)))


def _history(shop: Shop, support: User) -> list[clock.Story]:
    if shop.company is BLUEBIRD:
        return [billed_together(shop, shop.company.buyers, 2)]
    return stories_of(shop, support, dt.datetime.now(dt.UTC))


def _support(hashed: str) -> User:
    user, _ = User.objects.get_or_create(
        email=SUPPORT,
        defaults={
            "first_name": "Textpay",
            "last_name": "Support",
            "password": hashed,
            "is_staff": True,
            "is_superuser": True,
        },
    )
    return user


def _found(shop: Shop) -> Shop:
    with clock.on(shop.at(FOUNDED, 9)):
        shop.found()
    return shop


def _enable(
    shop: Shop, merchant: accounts.Merchant, sender: accounts.Sender, support: User
) -> None:
    with clock.on(shop.at(FOUNDED - 1, 14)), scope(tenant=shop.tenant):
        shop.enable(merchant, sender, support)


def _remind(shop: Shop) -> None:
    with clock.on(shop.at(FOUNDED - 1, 15)), scope(tenant=shop.tenant):
        shop.remind()


def _live(shop: Shop, stories: list[clock.Story]) -> None:
    with scope(tenant=shop.tenant):
        clock.tell(stories, until=dt.datetime.now(dt.UTC))


def logins() -> list[dict[str, str]]:
    """The logins of the practice installation; an older demo may have fewer people."""
    there = set(User.objects.values_list("email", flat=True))
    people = [
        {
            "company": company.name,
            "name": f"{person.first} {person.last}",
            "role": person.role,
            "email": person.email,
            "password": PASSWORD,
        }
        for company in COMPANIES
        for person in company.people
        if person.email in there
    ]
    support = {"company": "", "name": "Textpay Support", "role": "Support (/admin/)"}
    return [*people, {**support, "email": SUPPORT, "password": PASSWORD}]


def _write(name: str, rows: list[dict[str, str]]) -> None:
    """Write a file for bin/run that only its owner can read."""
    path = Path(settings.VAR_DIR) / name
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(rows, file, indent=2)
