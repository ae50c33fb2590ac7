"""The product's own settings, for processes that a journey starts; only folders differ."""

import os
from pathlib import Path

from textpay.settings import *  # noqa: F403

VAR_DIR = Path(os.environ["JOURNEY_FOLDER"])
STATIC_ROOT = VAR_DIR / "static"
