#!/usr/bin/env python3
"""Compare luci with bare Python and with `uv run`, side by side in one run, and print one table.

    python bench/speed.py [--only NAME]... [--rounds N]      needs hyperfine on PATH, and luci and uv beside this Python

Every time is a median over runs of whole processes, taken in rounds so that what is compared is run in turn; every
ratio is between two commands of one such row of rounds. The bars that are times elsewhere are ratios to bare Python
here, for a machine where that takes 8 ms. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import workloads

BIN = Path(sys.executable).parent
LUCI, UV = str(BIN / "luci"), str(BIN / "uv")
BARE = "python -I -c pass"
FIVE = {"requests": "requests", "yaml": "pyyaml", "bs4": "beautifulsoup4", "rich": "rich", "humanize": "humanize"}
REFERENCE = 8.0  # ms that bare Python takes on the machine of the bars
PEAK = """
import os, sys
def told(pid, name):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith(name))
held, pid = 0, os.getpid()
while pid != int(sys.argv[1]):
    held, pid = held + told(pid, "VmHWM"), told(pid, "PPid")
print(held)
"""


@dataclass(frozen=True)
class Row:
    """What was measured, beside what; `bar` and `aim` are the most that `figure` should be, in the same unit."""

    what: str
    against: str
    took: str
    figure: float
    bar: float | None = None
    aim: float | None = None
    unit: str = "x"

    def cells(self) -> tuple[str, ...]:
        most = (f"{limit:g}{self.unit}" if limit is not None else "" for limit in (self.bar, self.aim))
        return self.what, self.took, self.against, f"{self.figure:.2f}{self.unit}", *most, self.verdict

    @property
    def verdict(self) -> str:
        if self.bar is None or self.aim is None:
            return ""
        return "aim met" if self.figure <= self.aim else "bar met" if self.figure <= self.bar else "MISSED"


def main() -> None:
    asked = argparse.ArgumentParser(description="Compare luci with bare Python and uv.")
    asked.add_argument("--only", action="append", choices=list(BENCHES), help="a part; may be given several times")
    asked.add_argument("--rounds", type=int, default=5, metavar="N", help="more for a machine that others load too")
    options = asked.parse_args()
    if not shutil.which("hyperfine"):
        sys.exit("bench/speed.py needs hyperfine: install it with your system's package manager")
    rows: list[Row] = []
    for name in options.only or BENCHES:
        print(f"measuring: {name}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="luci-bench-") as folder:
            work = Path(folder)
            os.environ["LUCI_HOME"] = str(work / "home")
            rows += BENCHES[name](work, options.rounds)
    _print(("what", "took", "against", "ratio", "bar", "aim", ""), [row.cells() for row in rows])
    print(f"{os.cpu_count()} cores, load {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


def warm(work: Path, rounds: int) -> Iterator[Row]:
    trivial = _script(work, "trivial.py", "print('done')\n")
    declared = _declared(work, "trivial_declared.py", trivial, [])
    _once([LUCI, "run", str(trivial)])
    _once(_uv_run(trivial, declared))
    python = _once([LUCI, "env", "path", str(trivial)]) + "/bin/python"
    commands = {
        "its own Python": [python, str(trivial)],
        "luci run": [LUCI, "run", str(trivial)],
        "uv run": _uv_run(trivial, declared),
    }
    times = _medians(commands, runs=10, rounds=rounds)
    yield _row(times, "luci run", "its own Python", "second run of a trivial script", 1.5, 1.25)
    yield _row(times, "luci run", "uv run", "second run of a trivial script", 0.6, 0.45)


def memory(work: Path, rounds: int) -> Iterator[Row]:
    if not os.path.exists("/proc/self/status"):
        return
    peak = _script(work, "peak.py", PEAK)
    _once([LUCI, "run", str(peak), str(os.getpid())])
    python = _once([LUCI, "env", "path", str(peak)]) + "/bin/python"
    own, held = (
        statistics.median(int(_once([*command, str(peak), str(os.getpid())])) for _ in range(3 * rounds))
        for command in ([python], [LUCI, "run"])
    )
    took = f"{held / 1000:.1f} MB"
    yield Row("memory while a script runs", "its own Python", took, (held - own) / 1000, 1, 0.1, " MB more")


def first(work: Path, rounds: int) -> Iterator[Row]:
    five = _script(work, "five.py", "".join(f"import {name}\n" for name in FIVE) + "print('done')\n")
    declared = _declared(work, "declared.py", five)
    _once([LUCI, "run", str(five)])
    _once(_uv_run(five, declared))
    uv_envs = _once([UV, "cache", "dir"]) + "/environments-v2"
    times = _medians(
        {"uv run, declared": _uv_run(five, declared), "luci run": [LUCI, "run", str(five)]},
        prepare={
            "uv run, declared": f"sh -c {shlex.quote(f'rm -rf {shlex.quote(uv_envs)}/declared-*')}",
            "luci run": _forgetting(work / "home" / "data", work / "home" / "state"),
        },
        runs=3,
        rounds=rounds,
    )
    yield _row(times, "luci run", "uv run, declared", "first run, 5 packages in the cache", 1.6, 1.2)


def plan(work: Path, rounds: int) -> Iterator[Row]:
    script = workloads.long_script(work / "long.py")
    edit = shlex.join(["sh", "-c", f"date +'# %N' >> {shlex.quote(str(script))}"])
    _once([LUCI, "plan", str(script)])
    lines = "plan of 1,000 lines, "
    yield from _beside_bare(
        {
            lines + "unchanged": ("plan", str(script)),
            lines + "edited": ("plan", str(script)),
            lines + "never planned": ("plan", str(script)),
        },
        dict.fromkeys([lines + "unchanged", lines + "edited", lines + "never planned"], (120, 60)),
        prepare={lines + "edited": edit, lines + "never planned": _forgetting(*_computed(work))},
        runs=4,
        rounds=rounds,
    )


def imports(work: Path, rounds: int) -> Iterator[Row]:
    script = workloads.project(work / "project")
    module = next((work / "project" / "orders").glob("[a-z]*.py"))
    edit = shlex.join(["sh", "-c", f"date +'# %N' >> {shlex.quote(str(module))}"])
    _once([LUCI, "plan", str(script)])
    lines = "imports of 300 modules, 60,000 lines, "
    yield from _beside_bare(
        {
            lines + "cold": ("plan", str(script)),
            lines + "unchanged": ("plan", str(script)),
            lines + "one edited": ("plan", str(script)),
        },
        {lines + "cold": (2500, 1000), lines + "unchanged": (120, 60)},
        prepare={lines + "one edited": edit, lines + "cold": _forgetting(*_computed(work))},
        runs=2,
        rounds=rounds,
    )


def envs(work: Path, rounds: int) -> Iterator[Row]:
    script = _script(work, "first.py", "import humanize\n")
    _once([LUCI, "run", str(script)])
    workloads.many_environments(work / "home", work / "scripts")
    workloads.many_runs(work / "home")
    states = {row["state"] for row in json.loads(_once([LUCI, "env", "list", "--json"]))}
    if states != {"ready"}:
        sys.exit(f"not every environment is healthy: {states}")
    listed = "env list, 1,000 environments"
    yield from _beside_bare(
        {
            listed: ("env", "list"),
            listed + ", --json": ("env", "list", "--json"),
            listed + ", no index": ("env", "list"),
            "env stats, 1,000 environments": ("env", "stats"),
            "runs list, 10,000 runs": ("runs", "list"),
        },
        {listed: (150, 80)},
        prepare={listed + ", no index": _forgetting(work / "home" / "cache" / "indexes")},
        runs=2,
        rounds=rounds,
    )


BENCHES: dict[str, Callable[[Path, int], Iterator[Row]]] = {
    "warm": warm,
    "memory": memory,
    "first": first,
    "plan": plan,
    "imports": imports,
    "envs": envs,
}


def _beside_bare(
    commands: dict[str, tuple[str, ...]],
    limits: dict[str, tuple[float, float]],
    *,
    prepare: dict[str, str],
    runs: int,
    rounds: int,
) -> Iterator[Row]:
    """Yield a row for each command of luci, against bare Python. `limits`: bar and aim, in ms of the reference."""
    bare = {BARE: [sys.executable, "-I", "-c", "pass"]}
    times = _medians(
        {**bare, **{name: [LUCI, *words] for name, words in commands.items()}},
        prepare=prepare,
        runs=runs,
        rounds=rounds,
    )
    for name in commands:
        bar, aim = (limit / REFERENCE for limit in limits[name]) if name in limits else (None, None)
        yield _row(times, name, BARE, name, bar, aim)


def _row(
    times: dict[str, float], name: str, against: str, what: str, bar: float | None = None, aim: float | None = None
) -> Row:
    return Row(what, against, f"{times[name] * 1000:.0f} ms", times[name] / times[against], bar, aim)


def _computed(work: Path) -> list[Path]:
    """What luci keeps of what it worked out, the index pages not among it."""
    cache = work / "home" / "cache"
    return [cache / name for name in ("plans", "choices", "sources")]


def _forgetting(*paths: Path) -> str:
    return shlex.join(["rm", "-rf", *map(str, paths)])


def _script(work: Path, name: str, text: str) -> Path:
    path = work / name
    path.write_text(text)
    return path


def _declared(work: Path, name: str, script: Path, requirements: list[str] | None = None) -> Path:
    """The same script with its requirements written into it (PEP 723)."""
    wanted = list(FIVE.values()) if requirements is None else requirements
    block = ["# /// script", f"# dependencies = {json.dumps(wanted)}", "# ///", ""]
    return _script(work, name, "\n".join(block) + script.read_text())


def _uv_run(script: Path, declared: Path) -> list[str]:
    """Return uv's command for the same script with the Python that luci chose: one starts slower than another."""
    base = "import sys; print(sys._base_executable)"
    python = _once([_once([LUCI, "env", "path", str(script)]) + "/bin/python", "-c", base])
    return [UV, "run", "--python", python, "--script", str(declared)]


def _once(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join(command)} failed:\n{done.stderr}")
    return done.stdout.strip()


def _medians(
    commands: dict[str, list[str]], *, prepare: dict[str, str] | None = None, runs: int, rounds: int
) -> dict[str, float]:
    """Time the commands in turn, round after round; return the median of each in seconds."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds):
        with tempfile.NamedTemporaryFile(suffix=".json") as told:
            words = ["hyperfine", "--style", "none", "-N", "--warmup", "0" if number else "1", "--runs", str(runs)]
            words += ["--export-json", told.name]
            for name in commands if prepare else ():
                words += ["--prepare", prepare.get(name, "true")]
            quiet = subprocess.DEVNULL
            subprocess.run([*words, *map(shlex.join, commands.values())], check=True, stdout=quiet, stderr=quiet)
            for name, result in zip(commands, json.loads(Path(told.name).read_text())["results"], strict=True):
                times[name] += result["times"]
    return {name: statistics.median(each) for name, each in times.items()}


def _print(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
