"""The wall of a run: which one it is, where it stands, and what it says when the run is over."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from luci import paths
from luci.config import WallTable
from luci.context import Context, Question
from luci.envs import activations, backends
from luci.envs.store import Env
from luci.errors import Refused
from luci.runner.own_table import of_project
from luci.runner.plan import Plan
from luci.runner.request import RunRequest
from luci.runner.script import Script
from luci.values import replace
from luci.walls import strangers
from luci.walls.defaults import Held, held

if TYPE_CHECKING:
    from luci.config import Settings
    from luci.runner.diagnose import Report
    from luci.walls.container import Box
    from luci.walls.fence import Fence
    from luci.walls.ladder import Wall
    from luci.walls.room import Watch
    from luci.walls.sarus import Hold

_LARGEST_REPORT = 10_000_000


def held_to(request: RunRequest, script: Script, context: Context, kind: str = "") -> Held:
    """Return what holds for a run; `kind` is that of its environment, where that is known already.

    Raises ConfigError where the project says what nobody can read.
    """
    settings, asked = context.settings.walls, request.walls
    stranger = "somebody said so" if asked.stranger else ""
    if asked.stranger is None and script.path:
        stranger = strangers.why(script.path, settings.stranger.folders)
    return held(asked, settings, kind=kind, stranger=stranger, project=of_project(script.folder, "walls", WallTable()))


def wall_for(request: RunRequest, script: Script, context: Context, kind: str = "") -> Wall | None:
    """Return the wall that a run gets, None for none. Raises Refused where what was asked for cannot be had."""
    kind = kind or request.wants.env or context.settings.envs.kind
    holds = held_to(request, script, context, kind if kind != "auto" else "")
    if kind in backends.BOXED:
        from luci.runner import boxes

        return boxes.wall(kind, holds, request, context.settings)
    if holds.nothing:
        return None
    from luci.walls.ladder import choose  # 10 ms, for runs behind a wall only
    from luci.walls.machine import machine

    wall = choose(holds.asked, machine())
    if wall is None:
        return None
    gives = (*wall.gives, *within(request.timeout or holds.timeout))
    return replace(wall, gives=gives, lacks=(*wall.lacks, *holds.refused), why=holds.why)


def insist_on_a_wall(request: RunRequest, script: Script, context: Context) -> None:
    """Raise Refused where a run cannot have the wall that was asked for; and where a stranger's script would get none
    that holds it, unless somebody says yes."""
    wall = wall_for(request, script, context)
    holds = held_to(request, script, context)
    named = request.walls.sandbox not in ("", "auto") or context.settings.walls.stranger.sandbox in ("off", "limits")
    if not holds.stranger or named or (wall and wall.name != "limits"):
        return
    lacks = wall.lacks if wall else ()
    question = Question(
        "wall",
        f"Run {script.name} without a wall that holds it?",
        (f"It is not your own: {holds.stranger}.", *lacks, "It could read, change and send whatever you can."),
        "--trust",
        yes="Run it as your own",
        no="Do not run it",
    )
    if not context.ask(question):
        raise Refused(
            f"{script.name} was not run: no wall here holds it.", cause="\n".join(lacks), hint="--trust runs it."
        )


def within(seconds: float | None) -> tuple[str, ...]:
    return (f"{seconds:g} s",) if seconds else ()


def within_time(request: RunRequest, script: Script, context: Context, kind: str) -> RunRequest:
    """Return the request with the time that the settings allow, where the command says none."""
    if request.timeout is not None:
        return request
    return replace(request, timeout=held_to(request, script, context, kind).timeout or None)


def is_held(script: Script, context: Context, kind: str) -> bool:
    """Whether a script is held to something although its command asks for nothing."""
    holds = held_to(RunRequest(script.name), script, context, kind)
    return not holds.nothing or bool(holds.timeout)


def walled(made: Plan, wall: Wall | None) -> Plan:
    """Return the plan that names the wall it will be carried out behind."""
    return replace(made, wall=wall.as_dict()) if wall else made


@contextlib.contextmanager
def put_up(
    wall: Wall, script: Script, made: Plan, env: Env, state: Path, settings: Settings
) -> Iterator[Fence | Box | Hold]:
    """Put a wall up for one run; `state` is a name that no other run has."""
    from luci.walls.fence import around
    from luci.walls.places import Ground

    read = [Path.cwd(), script.folder, *map(Path, made.scan.paths), *map(Path, made.scan.folders)]
    read = [folder for folder in (*read, Path(made.spec.scope or ".")) if folder.is_absolute() and folder.exists()]
    luci = (paths.data(), paths.cache(), paths.state(), paths.config_file().parent)
    ground = Ground(env.path, Path(env.python), tuple(dict.fromkeys(read)), luci, activations.names(env.path))
    reach = replace(wall.asked.reach, variables=(*wall.asked.reach.variables, *made.variables))
    wall = replace(wall, asked=replace(wall.asked, reach=reach))  # what the project's own file sets is no secret to it
    if env.spec.kind in backends.BOXED:
        from luci.runner import boxes

        with boxes.put_up(wall, script, made, env, state, ground, settings) as box:
            yield box
        return
    if wall.name == "container":
        from luci.walls import container

        with container.of_this_machine(wall, ground, state.with_name(f"{state.name}.wall")) as box:
            yield box
        return
    with around(wall, ground, state.with_name(f"{state.name}.wall")) as fence:
        yield fence


@contextlib.contextmanager
def weighed(fence: Fence | Box | Hold | None) -> Iterator[Watch | None]:
    """Weigh what a run writes, where it has a limit for that."""
    if fence is None or not fence.wall.asked.limits.disk or not fence.fillable:
        yield None
        return
    from luci.walls.room import Watch  # threads, for who has such a limit only

    with Watch(fence.fillable, fence.wall.asked.limits.disk, fence.leader) as watch:
        yield watch


def python_of(env: Env) -> str:
    """Return the path of an environment's Python as the run sees it."""
    if env.spec.kind == "system":
        return env.spec.base
    if env.spec.kind in backends.BOXED:
        from luci.envs import layers

        return str(layers.PREFIX / "bin" / "python")
    return str(env.python)


def folder_of(env: Env) -> str:
    """Return the folder that an environment's commands lie below."""
    return os.path.dirname(os.path.dirname(env.spec.base)) if env.spec.kind == "system" else str(env.path)


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
