"""Entry point for gunicorn: one worker process, because delivery runs on threads inside it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sandbox.settings")
application = get_wsgi_application()

# Models can be imported only once Django is set up, hence the late imports.
from sandbox import config, delivery, mail, world  # noqa: E402

config.load()
world.restore()
delivery.start()
mail.start()
