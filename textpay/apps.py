"""Makes the project an app, so that its checks are found."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

from textpay import checks


class TextpayConfig(AppConfig):
    name = "textpay"
    verbose_name = "Textpay"

    def ready(self) -> None:
        checks.register_all()
        autodiscover_modules("wiring")
