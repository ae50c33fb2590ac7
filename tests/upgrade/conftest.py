"""The database of 0.1.0, migrated to the code of today, once for each engine and worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import call_command
from django.db import connections, transaction
from django_scopes import scopes_disabled

from tests.upgrade.databases import KEYS, as_default, load, old
from textpay.demo import clock

MINE = configured.DATABASES["default"]
# SQLite needs no server; PostgreSQL is tested where the tests run on it, as `bin/test` does.
ENGINES = ["sqlite", *(["postgresql"] if "postgresql" in MINE["ENGINE"] else [])]


@pytest.fixture(scope="session")
def _migrate_once(tmp_path_factory: Any, django_db_blocker: Any) -> Iterator[Callable[[str], str]]:
    """Of each engine, once for all tests of a worker: the name of the migrated database."""
    names: dict[str, str] = {}

    def name_of(engine: str) -> str:
        if engine in names:
            return names[engine]
        if engine == "sqlite":
            name = str(tmp_path_factory.mktemp("upgrade") / "textpay.sqlite3")
        else:
            worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
            name = f"upgrade_{MINE['NAME']}_{worker}"
            _on_the_server(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"')
        names[engine] = name
        with as_default(engine, name), scopes_disabled():
            load()
            call_command("migrate", verbosity=0)
        return name

    yield name_of
    if "postgresql" in names:
        with django_db_blocker.unblock():
            _on_the_server(f'DROP DATABASE "{names["postgresql"]}"')


@pytest.fixture(params=ENGINES)
def migrated(
    request: Any, _migrate_once: Callable[[str], str], django_db_blocker: Any
) -> tuple[str, str]:
    """Engine and name of a database that 0.1.0 filled and `migrate` brought to today."""
    with django_db_blocker.unblock():
        return request.param, _migrate_once(request.param)


def _on_the_server(*statements: str) -> None:
    with connections["default"]._nodb_cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def upgraded(migrated: tuple[str, str], settings: Any, django_db_blocker: Any) -> Iterator[str]:
    """`connection` is one to the migrated database, at the moment and with the keys of its copy.

    What a test does to it is rolled back. Gives the engine's name.
    """
    engine, name = migrated
    settings.SECRET_KEY = KEYS["SECRET_KEY"]
    for keys in ("FIELD_KEYS", "LINK_KEYS", "NUMBER_KEYS"):
        setattr(settings, keys, [KEYS[keys]])
    with (
        django_db_blocker.unblock(),
        as_default(engine, name),
        clock.on(old().made_at),
        transaction.atomic(),
    ):
        yield engine
        transaction.set_rollback(True)
