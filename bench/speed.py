#!/usr/bin/env python3
"""Compare luci with bare Python and with `uv run`, side by side in one run.

    python bench/speed.py [--only NAME]...       needs hyperfine on PATH, and luci and uv beside this Python

Every figure is a median over runs of whole processes; what counts is the ratio of two lines of one table, since both
were taken on the same machine in the same minute. The last column is the time on a machine where bare Python takes
8 ms, which is what the bars of the tables are for. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import workloads

BIN = Path(sys.executable).parent
LUCI, UV = str(BIN / "luci"), str(BIN / "uv")
BARE = {"python -I -c pass": [sys.executable, "-I", "-c", "pass"]}
FIVE = {"requests": "requests", "yaml": "pyyaml", "bs4": "beautifulsoup4", "rich": "rich", "humanize": "humanize"}
REFERENCE = 8.0  # ms that bare Python takes on the machine of the bars


def main() -> None:
    asked = argparse.ArgumentParser(description="Compare luci with bare Python and uv.")
    asked.add_argument("--only", action="append", choices=list(BENCHES), help="one table; may be given several times")
    chosen = asked.parse_args().only or list(BENCHES)
    if not shutil.which("hyperfine"):
        sys.exit("bench/speed.py needs hyperfine: install it with your system's package manager")
    for name in chosen:
        with tempfile.TemporaryDirectory(prefix="luci-bench-") as folder:
            work = Path(folder)
            os.environ["LUCI_HOME"] = str(work / "home")
            BENCHES[name](work)


def warm(work: Path) -> None:
    trivial = _script(work, "trivial.py", "print('done')\n")
    declared = _declared(work, "trivial_declared.py", trivial, [])
    _once([LUCI, "run", str(trivial)])
    _once([UV, "run", "--script", str(declared)])
    python = _once([LUCI, "env", "path", str(trivial)]) + "/bin/python"
    _compare(
        "second run, a trivial script",
        {
            "the environment's own Python": [python, str(trivial)],
            "luci run": [LUCI, "run", str(trivial)],
            "uv run": [UV, "run", "--script", str(declared)],
        },
    )


def first(work: Path) -> None:
    five = _script(work, "five.py", "".join(f"import {name}\n" for name in FIVE) + "print('done')\n")
    declared = _declared(work, "declared.py", five)
    _once([LUCI, "run", str(five)])
    _once([UV, "run", "--script", str(declared)])
    forget = _forgetting(work / "home" / "data", work / "home" / "state")
    uv_envs = _once([UV, "cache", "dir"]) + "/environments-v2"
    _compare(
        "first run, five packages, wheels and index pages in the cache",
        {
            "uv run, declared": [UV, "run", "--script", str(declared)],
            "luci run, not declared": [LUCI, "run", str(five)],
        },
        prepare={
            "uv run, declared": f"sh -c {shlex.quote(f'rm -rf {shlex.quote(uv_envs)}/declared-*')}",
            "luci run, not declared": forget,
        },
        runs=15,
    )


def plan(work: Path) -> None:
    script = workloads.long_script(work / "long.py")
    edit = shlex.join(["sh", "-c", f"date +'# %N' >> {shlex.quote(str(script))}"])
    _once([LUCI, "plan", str(script)])
    _compare(
        "luci plan, a script of 1,000 lines with 25 imports, index pages in the cache (bar 120 ms, aim 60 ms)",
        {
            **BARE,
            "nothing changed": [LUCI, "plan", str(script)],
            "nothing changed, --json": [LUCI, "plan", "--json", str(script)],
            "the script was edited": [LUCI, "plan", str(script)],
            "never planned before": [LUCI, "plan", str(script)],
        },
        prepare={"the script was edited": edit, "never planned before": _forgetting(*_computed(work))},
        runs=20,
    )


def imports(work: Path) -> None:
    script = workloads.project(work / "project")
    module = next((work / "project" / "orders").glob("[a-z]*.py"))
    edit = shlex.join(["sh", "-c", f"date +'# %N' >> {shlex.quote(str(module))}"])
    _once([LUCI, "plan", str(script)])
    _compare(
        "luci plan, a script with 300 modules of its own, 60,000 lines (bars 2.5 s cold, 120 ms unchanged; aims 1 s, "
        "60 ms)",
        {
            **BARE,
            "unchanged": [LUCI, "plan", str(script)],
            "one module was edited": [LUCI, "plan", str(script)],
            "cold": [LUCI, "plan", str(script)],
        },
        prepare={"one module was edited": edit, "cold": _forgetting(*_computed(work))},
        runs=10,
    )


def envs(work: Path) -> None:
    script = _script(work, "first.py", "import humanize\n")
    _once([LUCI, "run", str(script)])
    workloads.many_environments(work / "home", work / "scripts")
    workloads.many_runs(work / "home")
    states = {row["state"] for row in json.loads(_once([LUCI, "env", "list", "--json"]))}
    if states != {"ready"}:
        sys.exit(f"not every environment is healthy: {states}")
    _compare(
        "1,000 environments, 10,000 runs (luci env list: bar 150 ms, aim 80 ms)",
        {
            **BARE,
            "luci env list": [LUCI, "env", "list"],
            "luci env list --json": [LUCI, "env", "list", "--json"],
            "luci env list, no index": [LUCI, "env", "list"],
            "luci env stats": [LUCI, "env", "stats"],
            "luci runs list": [LUCI, "runs", "list"],
        },
        prepare={"luci env list, no index": _forgetting(work / "home" / "cache")},
        runs=10,
    )


BENCHES: dict[str, Callable[[Path], None]] = {
    "warm": warm,
    "first": first,
    "plan": plan,
    "imports": imports,
    "envs": envs,
}


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


def _once(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join(command)} failed:\n{done.stderr}")
    return done.stdout.strip()


def _compare(title: str, commands: dict[str, list[str]], prepare: dict[str, str] | None = None, runs: int = 40) -> None:
    """Time the commands in turn and print their medians, each with its ratio to the first."""
    with tempfile.NamedTemporaryFile(suffix=".json") as told:
        words = ["hyperfine", "--style", "none", "-N", "--warmup", "2", "--runs", str(runs), "--export-json", told.name]
        for name in commands if prepare else ():
            words += ["--prepare", prepare.get(name, "true")]
        subprocess.run(
            [*words, *map(shlex.join, commands.values())],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        results = json.loads(Path(told.name).read_text())["results"]
    print(f"\n{title}")
    base = results[0]["median"]
    for name, result in zip(commands, results, strict=True):
        scaled = f"   {result['median'] / base * REFERENCE:6.0f} ms" if commands.keys() >= BARE.keys() else ""
        print(f"  {name:<32} {result['median'] * 1000:8.1f} ms   {result['median'] / base:6.2f}x{scaled}", flush=True)


if __name__ == "__main__":
    main()
