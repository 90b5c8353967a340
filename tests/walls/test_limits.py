"""Limits without control groups, control groups of version 2, and what is left of either."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from luci.walls import groups
from luci.walls.asked import Asked, Limits
from luci.walls.groups import Tree
from tests.walls.conftest import HERE, WALLS, WHY_NOT, Scene

MB = 2**20


def test_without_groups_memory_is_limited_for_each_process_and_its_last_words_tell(scene: Scene) -> None:
    machine = replace(HERE, trees=(), no_trees="not allowed")
    with scene.behind(Asked("limits", Limits(memory=200 * MB)), machine) as fence:
        done = scene.run(fence, "bytearray(400_000_000)")
        assert (done.returncode, fence.group) == (1, None)
        assert fence.needs_words
        assert "200 MiB for each process" in fence.verdict(1, said=done.stderr)[0]
        assert fence.verdict(1, said="ValueError") == []


@pytest.mark.skipif(bool(WHY_NOT["bwrap"] or HERE.no_trees), reason=f"{WHY_NOT['bwrap']} {HERE.no_trees}")
def test_a_full_private_folder_and_cpus_that_held_a_run_back_are_told_with_their_figures(scene: Scene) -> None:
    limits = Limits(memory=300 * MB, cpus=0.05)
    spins = "import os, time\nwhile time.process_time() < 0.15: pass\n"
    fills = "file = os.open('/tmp/x', os.O_CREAT | os.O_RDWR); os.posix_fallocate(file, 0, 301 << 20)"
    with scene.behind(scene.asked("bwrap", limits=limits)) as fence:
        done = scene.run(fence, spins + fills)
        assert done.returncode == 1 and "Errno 28" in done.stderr
        cpus, disk = fence.verdict(1, seconds=3, said=done.stderr)
    assert cpus.startswith("It was held to 0.05 CPUs for ") and "300 MiB" in disk


@pytest.mark.parametrize("wall", WALLS)
def test_nothing_is_left_of_a_wall(scene: Scene, wall: str) -> None:
    with scene.behind(scene.asked(wall, limits=Limits(100 * MB, 1, 20))) as fence:
        left = (fence.folder, *(() if wall == "container" else fence.group.folders))  # an engine's groups are its own
        assert all(path.exists() for path in left)
        assert scene.run(fence, "print('ran')").stdout == "ran\n"
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize(("code", "returned"), [("exit(7)", 7), ("import os; os.kill(os.getpid(), 15)", -15)])
def test_an_end_is_told_as_it_was(scene: Scene, wall: str, code: str, returned: int) -> None:
    with scene.behind(scene.asked(wall)) as fence:
        ended = scene.run(fence, code).returncode
    as_a_code = wall in ("bwrap", "container") and returned < 0  # how bubblewrap and engines tell a signal
    assert ended == (128 - returned if as_a_code else returned)


def test_a_group_of_version_2_is_told_its_limits(tmp_path: Path) -> None:
    """A folder stands in for the kernel's: few machines let a test make groups of both versions."""
    trees = [Tree(name, 2, tmp_path) for name in groups.CONTROLLERS]
    group = groups.made(Limits(512 * MB, 1.5, 64), trees)
    (folder,) = group.folders
    told = {file.name: file.read_text() for file in folder.iterdir()}
    assert told == {"memory.max": str(512 * MB), "pids.max": "64", "cpu.max": "150000 100000"}
    (folder / "memory.peak").write_text("1000\n")
    (folder / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    (folder / "pids.events").write_text("max 4\n")
    (folder / "cpu.stat").write_text("nr_throttled 9\nthrottled_usec 4000000\n")
    assert group.figures() == {"peak": 1000, "killed": 2, "refused": 4, "held_back": 4000}
    for file in folder.iterdir():
        file.unlink()
    group.remove()
    assert not folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="groups are Linux's")
def test_a_wall_that_cannot_be_put_up_is_told_and_nothing_runs(scene: Scene) -> None:
    from luci.errors import EnvError

    with scene.behind(Asked("limits", Limits(pids=20))) as fence:
        assert fence.group is not None
        command = scene.command(fence, "print('ran')")
        fence.group.remove()
        done = subprocess.run(command, capture_output=True, text=True, env=scene.variables(fence))
        assert (done.returncode, done.stdout) == (125, "")
        with pytest.raises(EnvError) as told:
            fence.verdict(125)
        assert "cgroup.procs" in told.value.cause
