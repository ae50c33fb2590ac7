"""`manage.py verify_money`: is every cent where the books say? Exit code 1 when not.

2 when nothing is wrong so far, but CardConnect did not answer. `--no-gateway` asks it nothing.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.reconciliation.verify import verify
from tenants.models import Tenant


class Command(BaseCommand):
    """Checks the money of one company or of all; made for cron."""

    help = "Check every rule about money against the database and CardConnect."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One company, and whether CardConnect is asked."""
        parser.add_argument("--tenant", metavar="SLUG", help="only this company")
        parser.add_argument(
            "--no-gateway",
            action="store_false",
            dest="gateway",
            help="ask the database alone, not CardConnect",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each violation and end with 1; with 2 where CardConnect was silent."""
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
                self.stderr.write(f"{tenant.slug}: CardConnect did not answer about {silent}.")
        companies = f"{len(tenants)} compan{'y' if len(tenants) == 1 else 'ies'}"
        if wrong:
            self.stdout.write(f"{wrong} found in {companies}. The money is not right.")
            sys.exit(1)
        self.stdout.write(f"Checked {companies}: every cent is where the books say.")
        if unanswered:
            self.stdout.write(
                f"CardConnect did not answer about {unanswered}, so for those it is not confirmed."
            )
            sys.exit(2)
