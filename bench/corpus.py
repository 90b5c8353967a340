#!/usr/bin/env python3
"""Time `luci plan --names` over a folder of scripts, twice: the second time every page of the index is in the cache.

    python bench/corpus.py FOLDER        every *.py below FOLDER is planned

Prints the median and the slowest of whole processes.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

LUCI = str(Path(sys.executable).parent / "luci")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    scripts = sorted(Path(sys.argv[1]).rglob("*.py"))
    for title in ("first time", "index in the cache"):
        took = [_timed(script) for script in scripts]
        median, slowest = statistics.median(took), max(took)
        print(f"{title:<20} {len(took)} scripts   median {median * 1000:6.0f} ms   slowest {slowest * 1000:6.0f} ms")


def _timed(script: Path) -> float:
    began = time.perf_counter()
    subprocess.run([LUCI, "plan", "--names", str(script)], capture_output=True, check=False)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
