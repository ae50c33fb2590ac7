"""The WSGI application for gunicorn. Refuses to start on unsafe production settings."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "textpay.settings")

application = get_wsgi_application()

from textpay import checks  # noqa: E402  (Django must be set up first)

checks.refuse_unsafe_settings()
