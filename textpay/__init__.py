"""The top app: settings, URLs, Celery, the API router and the start-up checks."""

from textpay.celery import app as celery_app

__all__ = ["celery_app"]
