"""Do the tests notice? bin/bench seeded-bugs [name …]

Switches on one known-bad variant after the other (tests/proof/seeded/bugs.py) and runs the tests
that ought to go red; first, without any, they must be green. The last line is JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.world import ROOT, house_rules, program

AT_ONCE = 2
RED = 1  # pytest: some test failed; anything higher is trouble of another kind


def main() -> int:
    """Green without, red with each; 1 when one was missed."""
    house = house_rules.House()
    try:
        env = program("test").environment(house)
        return judge(env, sys.argv[1:])
    except house_rules.Stop as stop:
        return 128 + int(stop.number)
    finally:
        house.close()


def judge(env: dict[str, str], wanted: list[str]) -> int:
    """Run, tell, count."""
    tests_of = planted(env)
    names = wanted or list(tests_of)
    every = sorted({test for name in names for test in tests_of[name]})
    code, said = run(env, "", every)
    if code:
        print(said)
        print("Red without any bug; nothing can be said.")
        return 1
    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = list(pool.map(lambda name: run(env, name, tests_of[name], "-x")[0], names))
    for name, code in zip(names, codes, strict=True):
        print(f"{'caught' if code == RED else 'MISSED':<7} {name}", flush=True)
    caught = codes.count(RED)
    print(json.dumps({"seeded": len(names), "caught": caught}))
    return 0 if caught == len(names) else 1


def planted(env: dict[str, str]) -> dict[str, list[str]]:
    """The bugs and their tests, asked of a process in which Django is set up."""
    ask = (
        "import json, django; django.setup();"
        "from tests.proof.seeded.bugs import BUGS;"
        "print(json.dumps({name: list(bug.tests) for name, bug in BUGS.items()}))"
    )
    env = {**env, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", ask], env=env, cwd=ROOT, check=True, capture_output=True, text=True
    )
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def run(env: dict[str, str], bug: str, tests: list[str], *more: Any) -> tuple[int, str]:
    """pytest on a database of its own, with this bug in place."""
    server = env["DATABASE_URL"].rsplit("/", 1)[0]
    told = {**env, "SEEDED_BUG": bug, "DATABASE_URL": f"{server}/seeded_{bug or 'none'}"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.proof.seeded.plugin"]
    command += ["-p", "no:cacheprovider", "--create-db", *more, *tests]
    done = subprocess.run(
        command, env=told, cwd=ROOT, check=False, capture_output=True, text=True, timeout=600
    )
    return done.returncode, done.stdout[-6000:]


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
