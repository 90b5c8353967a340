"""Control groups of version 2, on a kernel that has nothing else: User Mode Linux, a program like any other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KERNEL = shutil.which("linux.uml") or ""
pytestmark = pytest.mark.skipif(not KERNEL, reason="linux.uml is not installed (Debian: user-mode-linux)")

FIRST = """\
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 groups /sys/fs/cgroup
exec {python} -B -P {script}
"""
# process 1 of that kernel; the disk is this machine's
TRIES = """
import ctypes, json, os, signal, subprocess, sys
sys.path[:0] = PATH
from pathlib import Path
from luci.errors import LuciError
from luci.walls import groups
from luci.walls.asked import Asked, Limits
from luci.walls.fence import around
from luci.walls.ladder import choose
from luci.walls.machine import Machine
from luci.walls.places import Ground

CODE = {
    "memory": "x = [bytearray(b'x' * 5_000_000) for _ in range(100)]",
    "pids": "import os, time\\nwhile os.fork(): pass\\ntime.sleep(100)",
    "cpus": "import time\\nend = time.time() + 2\\nwhile time.time() < end: pass",
}
LIMITS = {"memory": Limits(memory=60 * 2**20), "pids": Limits(pids=12), "cpus": Limits(cpus=0.2)}
folder = Path(__file__).parent
told = {}
try:
    trees, why_not = groups.usable()
    told["trees"] = [[tree.controller, tree.version] for tree in trees]
    ground = Ground(Path(sys.prefix), Path(sys.executable), (), ())
    for name, code in CODE.items():
        wall = choose(Asked("limits", LIMITS[name]), Machine("", "", 0, "", trees, why_not))
        with around(wall, ground, folder / name) as fence:
            done = subprocess.run(fence.command((sys.executable, "-c", code)), capture_output=True)
            told[name] = [done.returncode, fence.verdict(done.returncode, seconds=2)]
            left = fence.group.folders
        told[name].append(any(path.exists() for path in left))
except (LuciError, OSError, AttributeError) as error:
    told["failed"] = repr(error)
(folder / "told.json").write_text(json.dumps(told))
os.sync()
ctypes.CDLL(None).reboot(0x4321FEDC)
"""


def test_limits_hold_and_are_told_with_their_figures_where_groups_are_of_version_2(tmp_path: Path) -> None:
    script, first = tmp_path / "tries.py", tmp_path / "first"
    script.write_text(TRIES.replace("PATH", repr([str(Path(__file__).parents[2]), *sys.path[1:]]), 1))
    first.write_text(FIRST.format(python=sys.executable, script=script))
    first.chmod(0o755)
    words = ["rootfstype=hostfs", "rootflags=/", "rw", "mem=256M", f"init={first}", "con=null", "con0=fd:0,fd:1"]
    environ = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [KERNEL, *words], env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False
    )
    assert (tmp_path / "told.json").exists(), done.stdout.decode("utf-8", "replace")
    told = json.loads((tmp_path / "told.json").read_text())
    assert told.pop("trees") == [["memory", 2], ["cpu", 2], ["pids", 2]], told
    code, said, left = told["memory"]
    assert (code, left) == (-9, False) and "memory limit of 60 MiB (it had 60 MiB)" in said[0], told
    code, said, left = told["pids"]
    assert (code, left) == (1, False) and "limit of 12 processes" in said[0], told
    code, said, left = told["cpus"]
    assert (code, left) == (0, False) and "held to 0.2 CPUs" in said[0], told
