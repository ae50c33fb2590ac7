"""`manage.py draw_states`: writes docs/states.md anew."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from textpay import drawing


class Command(BaseCommand):
    """Draw what may become of an invoice, a link, a text, an e-mail, a payment and a refund."""

    help = "Draws docs/states.md from the models' TRANSITIONS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        drawing.path().write_text(drawing.draw())
        self.stdout.write(f"{drawing.path().name} is up to date")
