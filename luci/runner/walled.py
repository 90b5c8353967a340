"""The wall of a run: which one it is, where it stands, and what it says when the run is over."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from luci import paths
from luci.context import Context
from luci.envs.store import Env
from luci.runner.plan import Plan
from luci.runner.request import RunRequest
from luci.runner.script import Script
from luci.values import replace
from luci.walls.asked import NOTHING, asked_of

if TYPE_CHECKING:
    from luci.runner.diagnose import Report
    from luci.walls.fence import Fence
    from luci.walls.ladder import Wall

_LARGEST_REPORT = 10_000_000


def wall_for(request: RunRequest, context: Context) -> Wall | None:
    """Return the wall that a run gets, None for none. Raises Refused where what was asked for cannot be had."""
    asked = asked_of(request.walls, context.settings.walls)
    if asked in (NOTHING, OFF):
        return None
    from luci.walls.ladder import choose  # 10 ms, for runs behind a wall only
    from luci.walls.machine import machine

    return choose(asked, machine())


OFF = replace(NOTHING, sandbox="off")


def walled(made: Plan, wall: Wall | None) -> Plan:
    """Return the plan that names the wall it will be carried out behind."""
    return replace(made, wall=wall.as_dict()) if wall else made


@contextlib.contextmanager
def put_up(wall: Wall, script: Script, made: Plan, env: Env, state: Path) -> Iterator[Fence]:
    """Put a wall up for one run; `state` is a name that no other run has."""
    from luci.walls.fence import around
    from luci.walls.places import Ground

    read = [Path.cwd(), script.folder, *map(Path, made.scan.paths), *map(Path, made.scan.folders)]
    read = [folder for folder in (*read, Path(made.spec.scope or ".")) if folder.is_absolute() and folder.exists()]
    luci = (paths.data(), paths.cache(), paths.state(), paths.config_file().parent)
    ground = Ground(env.path, Path(env.python), tuple(dict.fromkeys(read)), luci)
    with around(wall, ground, state.with_name(f"{state.name}.wall")) as fence:
        yield fence


def report_behind(place: Path) -> Report | None:
    """Return the hook's report from where a confined script may write: only a plain file can be one."""
    from luci.runner.diagnose import read_report  # 3 ms, after a run behind a wall only

    try:
        info = os.lstat(place)
    except OSError:
        return None
    return read_report(place) if stat.S_ISREG(info.st_mode) and info.st_size <= _LARGEST_REPORT else None


def take_out(inside: Path, outside: Path) -> None:
    """Move the files that a confined script left for us to where they stay; what is no plain file is not followed."""
    import shutil

    for entry in os.scandir(inside) if inside.is_dir() and not inside.is_symlink() else ():
        if entry.is_file(follow_symlinks=False):
            outside.mkdir(parents=True, exist_ok=True)
            shutil.move(entry.path, outside / entry.name)
