"""Makes the project an app, so that its checks are found."""

from django.apps import AppConfig

from textpay import checks


class TextpayConfig(AppConfig):
    name = "textpay"
    verbose_name = "Textpay"

    def ready(self) -> None:
        checks.register_all()
