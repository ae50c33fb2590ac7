"""`manage.py draw_states`: regenerates docs/states.md."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from textpay import drawing


class Command(BaseCommand):
    """Draws the status graphs of invoices, links, texts, emails, payments and refunds."""

    help = "Draws docs/states.md from the models' TRANSITIONS."

    def handle(self, *args: object, **options: object) -> None:
        """Write the file."""
        drawing.path().write_text(drawing.draw())
        self.stdout.write(f"{drawing.path().name} is up to date")
