"""The product's own settings for the processes of a journey; only folders and names differ."""

import os
from pathlib import Path

from textpay.settings import *  # noqa: F403
from textpay.settings import CACHES

VAR_DIR = Path(os.environ["JOURNEY_FOLDER"])
STATIC_ROOT = VAR_DIR / "static"
# One Redis serves house after house: none meets the tasks and the clock of another.
CELERY_TASK_DEFAULT_QUEUE = VAR_DIR.name
CACHES = {"default": {**CACHES["default"], "KEY_PREFIX": VAR_DIR.name}}
