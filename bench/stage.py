"""What every bench shares: read the command line, run, judge, print."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from bench.world import World, house_rules

W = TypeVar("W", bound=World)


def perform(
    program: str,
    about: str | None,
    what: str,
    new_world: type[W],
    run: Callable[[W, argparse.Namespace], tuple[dict[str, Any], list[str]]],
) -> int:
    """Run `bin/bench program --what N --seed S`: JSON in the last line, 1 on any violation."""
    parser = argparse.ArgumentParser(prog=f"bin/bench {program}", description=about)
    parser.add_argument(f"--{what}", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=10, help="how much shorter waits are")
    wanted = parser.parse_args()
    house = house_rules.House()
    began = time.monotonic()
    try:
        world = new_world(house, wanted.seed, wanted.scale)
        result, wrong = run(world, wanted)
        world.close()
    except house_rules.Stop as stop:
        return 128 + int(stop.number)
    finally:
        house.close()
    for line in wrong[:50]:
        tell(line)
    if wrong:
        again = f"--{what} {getattr(wanted, what)} --seed {wanted.seed}"
        tell(f"Replay: bin/bench {program} {again}")
    result["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(result), flush=True)
    return 1 if wrong else 0


def tell(text: str, end: str = "\n") -> None:
    """Print for people, on stderr."""
    print(text, file=sys.stderr, end=end, flush=True)
