"""The database of version 0.1.0 as its files describe it, and how one is made and used."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections, transaction
from django.db.utils import load_backend

FOLDER = Path(__file__).resolve().parent / "from_0_1_0"
KEYS: dict[str, str] = json.loads((FOLDER / "keys.json").read_text())
Row = dict[str, Any]


@dataclass
class Old:
    """What 0.1.0 had stored when its database was copied, at `made_at`: rows by table."""

    made_at: dt.datetime
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def by_id(self, table: str) -> dict[int, Row]:
        """The rows of one table by their primary key."""
        return {row["id"]: row for row in self.tables[table]}


@cache
def old() -> Old:
    """The rows of rows.jsonl.gz: of each table a line with its name and columns, then its rows."""
    head, *lines = gzip.decompress((FOLDER / "rows.jsonl.gz").read_bytes()).splitlines()
    found = Old(dt.datetime.fromisoformat(json.loads(head)["made_at"]))
    for line in map(json.loads, lines):
        if isinstance(line, dict):
            columns = line["columns"]
            rows = found.tables.setdefault(line["table"], [])
        else:
            rows.append(dict(zip(columns, line, strict=True)))
    return found


def load() -> None:
    """Fill the empty default database with the schema and the rows of 0.1.0."""
    if connection.vendor == "postgresql":
        _load_postgresql()
    else:
        _load_sqlite(str(connection.settings_dict["NAME"]))


def _load_postgresql() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute((FOLDER / "schema.postgresql.sql").read_text())
        for table, rows in old().tables.items():
            columns = ", ".join(f'"{column}"' for column in rows[0])
            with cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(list(row.values()))
        cursor.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND is_identity = 'YES' AND column_name = 'id'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"
                f' (SELECT MAX(id) FROM "{table}"))'
            )


def _load_sqlite(path: str) -> None:
    database = sqlite3.connect(path)
    database.executescript((FOLDER / "schema.sqlite.sql").read_text())
    with database:
        for table, rows in old().tables.items():
            types = {row[1]: row[2] for row in database.execute(f'PRAGMA table_info("{table}")')}
            columns = ", ".join(f'"{column}"' for column in rows[0])
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(
                f'INSERT INTO "{table}" ({columns}) VALUES ({marks})',
                [
                    [
                        unhex(value) if types[name] == "BLOB" else value
                        for name, value in row.items()
                    ]
                    for row in rows
                ],
            )
    assert not database.execute("PRAGMA foreign_key_check").fetchall()
    database.close()


def _as_sqlite(value: Any, kind: str) -> Any:
    return unhex(value) if kind == "BLOB" else value


def unhex(text: str) -> bytes:
    r"""The bytes that rows.jsonl.gz writes as \x00ff."""
    return bytes.fromhex(text.removeprefix("\\x"))


@contextmanager
def as_default(engine: str, name: str) -> Iterator[None]:
    """Until the end, every `connection` of this thread is one to this database."""
    kept = connections["default"]
    values = kept.settings_dict | {"NAME": name}
    if engine != kept.vendor:
        sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": name}
        values = connections.configure_settings({"default": sqlite})["default"]
    backend = load_backend(values["ENGINE"])
    connections["default"] = backend.DatabaseWrapper(values, "default")
    ContentType.objects.clear_cache()
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = kept
        ContentType.objects.clear_cache()
