"""What a wall costs: a run behind each, side by side with one that luci watches without. Prints medians.


    python bench/walls.py [RUNS]

The bar is 60 ms more than without a wall. Runs take turns, so that a noisy machine is noisy to all.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from luci.walls.machine import tried

LIMITS = ("--memory", "512m", "--cpus", "1", "--pids", "64")
WAYS = {
    "without a wall": (),
    "limits": ("--sandbox", "limits", *LIMITS),
    "landlock": ("--sandbox", "landlock"),
    "bwrap": ("--sandbox", "bwrap"),
    "landlock, limits, no network": ("--sandbox", "landlock", "--no-network", *LIMITS),
    "bwrap, limits, no network": ("--sandbox", "bwrap", "--no-network", *LIMITS),
}


def main(runs: int) -> None:
    here = tried()
    missing = {"bwrap": here.no_bwrap, "landlock": here.no_landlock}
    ways = {name: words for name, words in WAYS.items() if not missing.get(name.partition(",")[0])}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "nothing.py")
        script.write_text("")
        environ = {**os.environ, "LUCI_HOME": f"{folder}/home"}
        took: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(runs + 1):
            for name, words in ways.items():
                began = time.perf_counter()
                # a timeout makes luci stay the parent, as every wall does
                command = [sys.executable, "-m", "luci", "run", "--timeout", "60", *words, str(script)]
                subprocess.run(command, env=environ, check=True, cwd=folder)
                if turn:  # the first builds the environment, and looks which walls work
                    took[name].append((time.perf_counter() - began) * 1000)
    base = statistics.median(took["without a wall"])
    for name, times in took.items():
        median = statistics.median(times)
        print(f"{name:<30} {median:7.0f} ms   {median - base:+6.0f} ms   best {min(times):.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
