#!/usr/bin/env python3
"""Do to luci at length what the tests under tests/torture do in short, and print a table of figures.

    python bench/torture.py                       everything, 200 kills of a first run
    python bench/torture.py --kills 1000 --seed 7 kills
    python bench/torture.py crowds damage

It needs luci installed with its tests' extra beside this Python, and uses only a package index of its own on loopback.
It ends with 1 where something was found broken, with the case and what was seen.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.torture import anything, clocks, crowds, damage, indexes, kills, names, shortages
from tests.torture.ground import LUCI, Ground, Trial, laid
from tests.torture.shortages import CannotBeTried

Trials = Iterable[Trial]
Part = Callable[[Ground, argparse.Namespace], Iterator[Trials]]


def _kills(ground: Ground, options: argparse.Namespace) -> Iterator[Trials]:
    for deed in kills.DEEDS:
        count = options.kills if deed.name == "first run" else -(-options.kills // 10)
        yield kills.kills(ground, deed, count, options.seed)
    yield kills.orphans(ground)


def _crowds(ground: Ground, options: argparse.Namespace) -> Iterator[Trials]:
    for _ in range(options.rounds):
        yield iter([crowds.one_script(ground)])
        yield iter([crowds.many_scripts(ground)])
        yield iter([crowds.runs_beside_changes(ground, 30)])
        for start in ((LUCI,), (sys.executable, "-m", "luci")):
            yield iter([crowds.held_before_python_starts(ground, start)])
    yield crowds.stopped_anywhere(ground, 20 * options.rounds, options.seed)


def _shortages(ground: Ground, options: argparse.Namespace) -> Iterator[Trials]:
    rooms = (0, 1_000, 4_096, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000)
    yield shortages.full_disk(ground, rooms)
    yield shortages.read_only(ground)
    yield shortages.no_right(ground)
    yield shortages.no_descriptors(ground, range(3, 41))


def _damage(ground: Ground, options: argparse.Namespace) -> Iterator[Trials]:
    yield damage.records(ground, 60 * options.rounds, options.seed)
    yield damage.configuration(ground)
    yield damage.inside(ground)
    yield damage.homes(ground)
    yield iter([damage.uninstalled(ground)])


def _indexes(ground: Ground, options: argparse.Namespace) -> Iterator[Trials]:
    yield indexes.failing(ground)


def _clocks(ground: Ground, options: argparse.Namespace) -> Iterator[Trials]:
    yield clocks.jumps(ground)
    yield clocks.futures(ground)
    yield clocks.records(ground)
    yield clocks.copies(ground)


def _names(ground: Ground, options: argparse.Namespace) -> Iterator[Trials]:
    yield names.scripts(ground)
    yield names.folders(ground)
    yield (names.all_in_one(each) for each in [ground])
    yield names.requirements(ground)
    yield names.wheels(ground)


def _anything(ground: Ground, options: argparse.Namespace) -> Iterator[Trials]:
    yield (anything.scripts(ground, 1000, options.seed + number) for number in range(options.rounds))


PARTS: dict[str, Part] = {
    "kills": _kills,
    "crowds": _crowds,
    "shortages": _shortages,
    "damage": _damage,
    "indexes": _indexes,
    "clocks": _clocks,
    "names": _names,
    "anything": _anything,
}


@dataclass
class Figures:
    """What came of the trials of one kind."""

    held: int = 0
    broken: list[Trial] = field(default_factory=list)
    skipped: str = ""
    seconds: float = 0.0


def main() -> int:
    options = _options()
    found: dict[str, Figures] = {}
    for name in options.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="luci-torture-") as folder, laid(Path(folder)) as ground:
            for number, trials in enumerate(PARTS[name](ground, options)):
                _try(name, number, trials, found, options.verbose)
    print(f"\n{'what was done':<34} {'times':>6} {'held':>6} {'broken':>7} {'seconds':>8}")
    for part, figures in found.items():
        times, broken = figures.held + len(figures.broken), len(figures.broken)
        print(f"{part:<34} {times:>6} {figures.held:>6} {broken:>7} {figures.seconds:>8.0f}  {figures.skipped}")
    broken = list(itertools.chain(*(figures.broken for figures in found.values())))
    print(f"\nseed {options.seed}: {len(broken)} broken" + ("" if broken else ", everything held"))
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="of a first run; a tenth of other deeds")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of what is repeated (default 3)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is left to chance (default 1)")
    parser.add_argument("-v", "--verbose", action="store_true", help="print each trial as it ends")
    return parser.parse_args()


def _try(name: str, number: int, trials: Trials, found: dict[str, Figures], verbose: bool) -> None:
    """Do trials to their end; each is counted under what it was part of."""
    steps = iter(trials)
    while True:
        began = time.monotonic()
        try:
            trial = next(steps)
        except StopIteration:
            return
        except CannotBeTried as reason:
            found.setdefault(f"{name} {number}", Figures()).skipped = f"skipped: {reason}"
            return
        figures = found.setdefault(trial.part, Figures())
        figures.seconds += time.monotonic() - began
        if trial.faults:
            figures.broken.append(trial)
            print(f"BROKEN {trial}", flush=True)
        else:
            figures.held += 1
            if verbose:
                print(trial, flush=True)


if __name__ == "__main__":
    sys.exit(main())
