"""Liveness and readiness. Neither response contains more than ok or unreachable."""

import logging

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from textpay.celery import app

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: the process answers."""
    return HttpResponse("ok", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Readiness: database, broker and cache answer too."""
    state = {"database": _database(), "broker": _broker(), "cache": _cache()}
    words = {name: "ok" if fine else "unreachable" for name, fine in state.items()}
    return JsonResponse(words, status=200 if all(state.values()) else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except DatabaseError:
        logger.exception("The database does not answer")
        return False


def _broker() -> bool:
    try:
        with app.connection_for_write(connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
            return True
    except Exception:  # every transport raises errors of its own; any of them means unreachable
        logger.exception("The broker does not answer")
        return False


def _cache() -> bool:
    try:
        cache.set("readyz", "ok", timeout=5)
        return bool(cache.get("readyz") == "ok")
    except Exception:  # every cache backend raises errors of its own; any of them means unreachable
        logger.exception("The cache does not answer")
        return False
