"""Do the tests notice bugs? bin/bench seeded-bugs [name …]

First the tests run without a bug and must pass. Then each known-bad variant of tests/proof/seeded
is switched on, one by one, and the test that should notice must fail: by its own assertion, not by
a broken fixture or an error in the variant itself. The last line is JSON; the exit code is 1 when
one was missed.
"""

from __future__ import annotations

import json
import os
import queue
import re
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import psycopg

from bench.world import ROOT, house_rules, program

AT_ONCE = 2
RED = 1  # pytest: some test failed; anything higher is a problem of another kind
WIDTH = 24


def main() -> int:
    """Pass without a bug, fail with each."""
    house = house_rules.House()
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        tools = program("test")
        tools.ensure_programs(house)
        bench = Bench(house, tools.environment(house))
        try:
            return bench.judge(pool, sys.argv[1:])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            bench.drop_databases()
    except house_rules.Stop as stop:
        return 128 + int(stop.number)
    finally:
        house.close()


class Bench:
    """Runs tests with a bug in place, on databases that are created once and reused."""

    def __init__(self, house: Any, env: dict[str, str]) -> None:
        self.house, self.env = house, env
        self.server = env["DATABASE_URL"].rsplit("/", 1)[0]
        self.databases: queue.Queue[str] = queue.Queue()
        for number in range(AT_ONCE):
            self.databases.put(f"seeded_{os.getpid()}_{number}")

    def judge(self, pool: ThreadPoolExecutor, wanted: list[str]) -> int:
        """Run, tell, count."""
        test_of = self.planted()
        unknown = sorted(set(wanted) - set(test_of))
        if unknown:
            house_rules.stop_with(
                f"No such bug: {', '.join(unknown)}. There are: {', '.join(test_of)}"
            )
        names = wanted or list(test_of)
        if not self.is_green(pool, sorted({test_of[name] for name in names})):
            return 1
        runs = {pool.submit(self.run, [test_of[name]], "-x", bug=name): name for name in names}
        caught = 0
        for done, run in enumerate(as_completed(runs), 1):
            code, said = run.result()
            caught += code == RED
            word = "caught" if code == RED else "MISSED"
            tell(done, len(names), f"{word}  {runs[run]}: {why(said)}")
        print(json.dumps({"seeded": len(names), "caught": caught}), flush=True)
        return 0 if caught == len(names) else 1

    def is_green(self, pool: ThreadPoolExecutor, tests: list[str]) -> bool:
        """Whether the same tests pass without any bug; creates the databases."""
        shares = [tests[number::AT_ONCE] for number in range(AT_ONCE)]
        print(f"Without any bug: {len(tests)} tests ...", flush=True)
        runs = [pool.submit(self.run, share, "--create-db") for share in shares if share]
        results = [run.result() for run in runs]
        for code, said in results:
            if code:
                print(said)
                print("Red without any bug; nothing can be said.")
        return not any(code for code, _ in results)

    def planted(self) -> dict[str, str]:
        """Each bug and the test that should notice, from a process with Django set up."""
        ask = (
            "import json, django; django.setup();"
            "from tests.proof.seeded.bugs import TESTS; print(json.dumps(TESTS))"
        )
        env = {**self.env, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
        _, said = self.house.run("the list of bugs", [sys.executable, "-c", ask], env)
        found: dict[str, str] = json.loads(said.splitlines()[-1])
        return found

    def run(self, tests: Iterable[str], *more: str, bug: str = "") -> tuple[int, str]:
        """Run pytest with this bug in place; its exit code and its last lines."""
        database = self.databases.get()
        env = {**self.env, "SEEDED_BUG": bug, "DATABASE_URL": f"{self.server}/{database}"}
        env["COLUMNS"] = "250"  # otherwise pytest leaves out the reason
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.proof.seeded.plugin"]
        command += ["-p", "no:cacheprovider", "--reuse-db", *more, *tests]
        try:
            code, said = self.house.run("pytest", command, env, fatal=False)
        finally:
            self.databases.put(database)
        return code, said[-6000:]

    def drop_databases(self) -> None:
        """Drop the databases of this run."""
        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            while not self.databases.empty():
                name = self.databases.get()
                connection.execute(f'DROP DATABASE IF EXISTS "test_{name}" WITH (FORCE)')


def why(said: str) -> str:
    """The first test that noticed, and its assertion; else pytest's last lines."""
    noticed = re.search(r"^FAILED \S+::(\S+)(?: - (.*))?$", said, re.M)
    if noticed:
        return f"{noticed[1]} - {noticed[2] or 'failed'}"[:140]
    return " ".join(said.splitlines()[-1:])[:140]


def tell(done: int, total: int, words: str) -> None:
    """One line with a bar."""
    bar = "#" * (WIDTH * done // total)
    print(f"[{bar:<{WIDTH}}] {done}/{total} {words}", flush=True)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
