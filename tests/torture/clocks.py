"""A clock that jumps, files from the future, a store that was copied: noticed, and what cannot serve built again."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from luci.envs import files
from tests.torture.ground import Done, Ground, Trial

DIG = ("dig.py", "import wombat\nprint(wombat.dig())\n", "dig")
HOP = ("hop.py", "import quokka\nprint(quokka.hop())\n", "hop")
ASKING = (("env", "list"), ("env", "show", "hop.py"), ("env", "stats"), ("runs", "list"), ("plan", "dig.py"))
YEARS = 10 * 365 * 86_400  # seconds

# luci itself, whole, with a clock of its own: what it writes down is by this one, the times of files by the disk's
SHIFTED = """\
import sys, time
now, now_ns, by = time.time, time.time_ns, int(sys.argv.pop(1))
time.time, time.time_ns = lambda: now() + by, lambda: now_ns() + by * 10**9
from luci.cli import main
sys.argv[0] = "luci"
sys.exit(main(sys.argv[1:]))
"""


def jumps(ground: Ground, seconds: Iterable[int] = (YEARS, -YEARS, 3600, -3600, 5, -5)) -> Iterator[Trial]:
    """Let luci's clock be another for a while, and right again: what is there runs, and new ones are built once."""
    for by in seconds:
        _lay(ground, DIG)
        ground.write(*HOP[:2])
        faults = []
        for name, _, says in (DIG, HOP, HOP):
            faults += _by_another_clock(ground, by, "run", name).works(says)
        again = _by_another_clock(ground, by, "run", "--retry", "never", HOP[0])
        faults += again.works(HOP[2])
        faults += [f"not whole: {again}"] if "again" in again.err else []
        faults += _all_answer(lambda *words, by=by: _by_another_clock(ground, by, *words))
        for _ in range(2):  # the right clock comes back
            for name, _, says in (DIG, HOP):
                faults += ground.luci("run", name).works(says)
        faults += ground.recovers(*HOP[::2], None)
        yield Trial("clocks", f"luci's is {by} s ahead", tuple(faults))


def futures(ground: Ground) -> Iterator[Trial]:
    """Let all that a plan is read from come from the future, and change then: each change is noticed."""
    ground.forget(pages=False)
    ground.write("beside.py", "from quokka import hop\n")
    lists = ground.write("requirements.txt", "quokka==1.0\n")
    script = ground.write("dig.py", "import beside, importlib.metadata\nprint(importlib.metadata.version('quokka'))\n")
    for path in (lists, script, ground.project / "beside.py", ground.home / "config" / "config.toml", ground.project):
        _dated(path, YEARS)
    faults = [fault for _ in range(2) for fault in ground.luci("run", "dig.py").works("1.0")]
    lists.write_text("quokka==1.1\n")
    _dated(lists, YEARS + 1)
    faults += [fault for _ in range(2) for fault in ground.luci("run", "dig.py").works("1.1")]
    lists.write_text("quokka==1.2\n")  # and now it is of today, older than what is known of it
    faults += ground.luci("run", "dig.py").works("1.2")
    lists.unlink()
    yield Trial("clocks", "what a plan is read from is of the future", tuple(faults))


def records(ground: Ground) -> Iterator[Trial]:
    """Let what luci wrote down be of the future, or of long ago."""
    for kind, by in (("the future", YEARS), ("long ago", -3 * YEARS)):
        _lay(ground, DIG, HOP)
        for record in ground.envs.glob("*/env.json"):
            _altered(record, lambda told, by=by: {**told, "created": told["created"] + by})
        for page in ground.cache.glob("index/pages/*/*.json"):
            told = files.read_sealed(page)
            files.write_sealed(page, {**told, "fetched": told["fetched"] + by})
        journal = ground.state / "runs.jsonl"
        if journal.exists():
            lines = [json.loads(line) for line in journal.read_text().splitlines() if line]
            moved = [_later(line, by) for line in lines]
            journal.write_text("".join(f"{json.dumps(line)}\n" for line in moved))
        faults = [fault for name, _, says in (DIG, HOP) for fault in ground.luci("run", name).works(says)]
        faults += _all_answer(ground.luci)
        faults += ground.recovers(*DIG[::2], None)
        yield Trial("clocks", f"what luci wrote down is of {kind}", tuple(faults))


COPIES = ("with its times", "without its times", "with its times, the old one gone", "with another Python")


def copies(ground: Ground, names: Iterable[str] = COPIES) -> Iterator[Trial]:
    """Copy luci's home to another place, as one does on the way to another machine, and go on there."""
    for name in names:
        _lay(ground, DIG, HOP)
        ground.write("where.py", "import sys\nprint(sys.prefix)\n")
        for _ in range(2):
            ground.luci("run", "where.py")
        place = ground.base / "elsewhere" / "home"
        shutil.rmtree(place.parent, ignore_errors=True)
        place.parent.mkdir()
        ground.do(["cp", "-r" if "without" in name else "-a", ground.home, place])
        if "gone" in name:
            shutil.rmtree(ground.home)
        other = Ground(place.parent, ground.index, extra={"UV_CACHE_DIR": str(ground.wheels)}, brief=ground.brief)
        other.lay()
        if name == "with another Python":  # the environments were made by one that is not on this machine
            for record in other.envs.glob("*/env.json"):
                _altered(record, lambda told: {**told, "interpreter": "/nowhere/bin/python3"})
        command = _command_of(other, DIG)
        here = {"cwd": ground.project}
        listed = other.luci("env", "list", "--json", **here)
        states = {row["state"] for row in listed.json} if listed.code == 0 else {str(listed)}
        faults = [] if states == {"broken"} else [f"not noticed: {states}"]
        where = other.luci("run", "where.py", **here)  # by the launcher, as people do
        faults += where.works(str(next(iter(other.envs.glob("luci_where_*/g*")), "in the copy")))
        runs = [other.luci("run", "--retry", "never", script, **here) for script, *_ in (DIG, HOP)]
        for done, (_, _, says) in zip(runs, (DIG, HOP), strict=True):
            faults += done.works(says)
        told = where.err.count("was broken") + sum(done.err.count("was broken") for done in runs)
        faults += [] if told == 1 else [f"not told once: {where} {runs}"]  # and all were tidied up
        for script, _, says in (DIG, HOP, DIG, HOP):
            faults += other.luci("run", script, **here).works(says)
        faults += [f"it names the old place: {command}"] if str(ground.home) in _command_of(other, DIG) else []
        faults += [*other.swept(), *other.unsound(3)]
        yield Trial("a copied store", name, tuple(faults))
        shutil.rmtree(place.parent)
        ground.lay()


def _command_of(ground: Ground, script: tuple[str, str, str]) -> str:
    """Return how an environment's own commands would be started: what its activation names."""
    roots = sorted(ground.envs.glob(f"luci_{script[0].removesuffix('.py')}_*"))
    newest = max(roots[0].glob("g*"), key=lambda path: int(path.name[1:]))
    return (newest / "bin" / "activate").read_text()


def _by_another_clock(ground: Ground, by: int, *words: str) -> Done:
    return ground.do([sys.executable, "-P", "-E", "-c", SHIFTED, str(by), *words])


def _all_answer(ask: Callable[..., Done]) -> list[str]:
    done = [ask(*words) for words in ASKING]
    return [str(each) for each in done if each.code or "Traceback" in each.err]


def _lay(ground: Ground, *scripts: tuple[str, str, str]) -> None:
    ground.forget()
    for name, source, says in scripts:
        ground.write(name, source)
        for _ in range(2):
            done = ground.luci("run", name)
            assert not done.works(says), done


def _dated(path: Path, by: int) -> None:
    info = path.stat()
    os.utime(path, (2_000_000_000 + by, 2_000_000_000 + by) if by > 0 else (info.st_atime, info.st_mtime))


def _altered(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    info = path.stat()
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def _later(line: dict[str, Any], by: int) -> dict[str, Any]:
    return {"start": {**line["start"], "started": line["start"]["started"] + by}} if "start" in line else line
