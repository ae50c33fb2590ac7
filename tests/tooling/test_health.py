"""The two questions a load balancer asks."""

import json
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client

from textpay.celery import app


def test_healthz_answers_without_a_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_readyz_when_all_is_well(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert set(json.loads(response.content).values()) == {"ok"}


def test_readyz_names_what_is_missing_and_leaks_nothing(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    nowhere = f"redis+socket://{tmp_path}/nobody-listens.sock"
    monkeypatch.setenv("CELERY_BROKER_URL", nowhere)
    monkeypatch.setitem(app.conf, "broker_url", nowhere)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert json.loads(response.content) == {
        "database": "ok",
        "broker": "unreachable",
        "cache": "ok",
    }
    assert str(tmp_path) not in response.content.decode()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_reading_is_allowed(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@pytest.mark.django_db
def test_readyz_leaves_nothing_in_the_cache_for_long(client: Client) -> None:
    client.get("/readyz")
    assert cache.get("readyz") in ("ok", None)
