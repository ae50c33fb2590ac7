"""`manage.py verify_money`: the money check. Exit code 1 for a violation.

2 when there is no violation, but CardConnect did not respond. `--no-gateway` skips CardConnect.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.reconciliation.verify import verify
from tenants.models import Tenant


class Command(BaseCommand):
    """Checks the money of one company or of all; suited for cron."""

    help = "Check every rule about money against the database and CardConnect."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One company or all, with or without CardConnect."""
        parser.add_argument("--tenant", metavar="SLUG", help="only this company")
        parser.add_argument(
            "--no-gateway",
            action="store_false",
            dest="gateway",
            help="ask the database alone, not CardConnect",
        )

    def handle(self, *args: object, **options: Any) -> None:
        """Print a line for each violation and exit with 1; with 2 when CardConnect did not
        respond.
        """
        slug = options["tenant"]
        tenants = list(Tenant.objects.filter(slug=slug) if slug else Tenant.objects.all())
        if slug and not tenants:
            raise CommandError(f'There is no company "{slug}".')
        wrong = unanswered = 0
        for tenant in tenants:
            found, silent = verify(tenant, gateway=options["gateway"])
            wrong, unanswered = wrong + len(found), unanswered + silent
            for violation in found:
                self.stdout.write(f"{tenant.slug}: {violation}")
            if silent:
                self.stderr.write(f"{tenant.slug}: CardConnect gave no answer about {silent}.")
        companies = f"{len(tenants)} compan{'y' if len(tenants) == 1 else 'ies'}"
        if wrong:
            self.stdout.write(f"{wrong} found in {companies}. The money is not right.")
            sys.exit(1)
        self.stdout.write(f"Checked {companies}: every cent is accounted for.")
        if unanswered:
            self.stdout.write(
                f"CardConnect gave no answer about {unanswered}, so for those it is not confirmed."
            )
            sys.exit(2)
