#!/usr/bin/env python3
"""Compare luci with the environment's own Python and with `uv run`, side by side in one run.

    python bench/speed.py            needs hyperfine on PATH, and luci and uv beside this Python

Every figure is a median over runs of whole processes; what counts is the ratio of two lines of one table, since both
were taken on the same machine in the same minute. Nothing here passes or fails.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BIN = Path(sys.executable).parent
LUCI, UV = str(BIN / "luci"), str(BIN / "uv")
FIVE = {"requests": "requests", "yaml": "pyyaml", "bs4": "beautifulsoup4", "rich": "rich", "humanize": "humanize"}


def main() -> None:
    if not shutil.which("hyperfine"):
        sys.exit("bench/speed.py needs hyperfine: install it with your system's package manager")
    with tempfile.TemporaryDirectory(prefix="luci-bench-") as folder:
        work = Path(folder)
        os.environ["LUCI_HOME"] = str(work / "home")
        trivial = _script(work, "trivial.py", "print('done')\n")
        five = _script(work, "five.py", "".join(f"import {name}\n" for name in FIVE) + "print('done')\n")
        declared = _declared(work, "declared.py", five)
        trivial_declared = _declared(work, "trivial_declared.py", trivial, [])
        for script in (trivial, five):
            _once([LUCI, "run", str(script)])
        for script in (declared, trivial_declared):
            _once([UV, "run", "--script", str(script)])
        python = _once([LUCI, "env", "path", str(trivial)]) + "/bin/python"

        _compare(
            "second run, a trivial script",
            {
                "the environment's own Python": [python, str(trivial)],
                "luci run": [LUCI, "run", str(trivial)],
                "uv run": [UV, "run", "--script", str(trivial_declared)],
            },
        )
        forget = f"rm -rf {shlex.quote(str(work / 'home' / 'data'))} {shlex.quote(str(work / 'home' / 'state'))}"
        uv_envs = _once([UV, "cache", "dir"]) + "/environments-v2"
        _compare(
            "first run, five packages, wheels and index pages in the cache",
            {
                "uv run, declared": [UV, "run", "--script", str(declared)],
                "luci run, not declared": [LUCI, "run", str(five)],
            },
            prepare={
                "uv run, declared": f"rm -rf {shlex.quote(uv_envs)}/declared-*",
                "luci run, not declared": forget,
            },
            runs=15,
        )
        _compare("plan", {"luci plan, five packages": [LUCI, "plan", str(five)]})


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
            words += ["--prepare", f"sh -c {shlex.quote(prepare[name])}"]
        subprocess.run(
            [*words, *map(shlex.join, commands.values())],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        results = json.loads(Path(told.name).read_text())["results"]
    print(f"\n{title}")
    first = results[0]["median"]
    for name, result in zip(commands, results, strict=True):
        print(f"  {name:<32} {result['median'] * 1000:8.1f} ms   {result['median'] / first:5.2f}x")


if __name__ == "__main__":
    main()
