"""Scripts that run in a container: which of them do unasked, on which Python, and behind which wall."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from luci import paths
from luci.config import Settings
from luci.context import Context
from luci.envs import backends, bases, channels, containers, layers, sarus
from luci.envs.interpreters import Interpreter
from luci.envs.store import Env
from luci.errors import LuciError, Refused
from luci.events import Become, Event, Told
from luci.runner import boxed_again, memory
from luci.runner.kinds import Kind
from luci.runner.request import RunRequest
from luci.runner.script import Script
from luci.runner.walled import within
from luci.values import replace
from luci.walls import container, engines, fence
from luci.walls import sarus as holds
from luci.walls.asked import NOTHING, Asked
from luci.walls.defaults import Held
from luci.walls.ladder import Wall
from luci.walls.machine import NOTHING_HERE, machine
from luci.walls.places import Ground, opened

if TYPE_CHECKING:
    from luci.runner.plan import Plan


CONTROLLERS = (
    "Leave the limit out; or let the engine make control groups (rootless: version 2, systemd with Delegate=yes)."
)


def preferred(whose: str, settings: Settings) -> tuple[str, str]:
    """Return the kind that the settings prefer, for a script of which `whose` tells who wrote it, and why;
    ("auto", "") where none of them is to be had here without fetching anything."""
    wanted: tuple[str, ...] = settings.envs.strangers if whose else settings.envs.prefer
    reason = f"a stranger's script ({whose})" if whose else "[envs] prefer in the config"
    for name in wanted:
        with contextlib.suppress(LuciError, OSError):
            if name in backends.BOXED and any(python.path for python in pythons(name, settings)):
                there = "Sarus is here" if name == "sarus" else f"{engines.find(name).says} answers"
                return name, f"{reason}, and {there}"
            if name == "venv" or (name == "conda" and channels.configured(settings.conda)):
                return name, reason
    return "auto", ""


def boxed(
    name: str, why: str, settings: Settings, offline: bool, stop: Callable[[], bool]
) -> Generator[Event, None, Kind]:
    """Return a kind that is a container, with the Pythons of its base, which is pulled where only it can say which it
    has. Raises EnvError where no engine answers."""
    base = settings.containers.base
    if name != "sarus" and "{python}" not in base:
        yield from bases.ready(engines.find(name), base, stop, offline=offline or settings.index.offline)
    return Kind(name, why, base=base, here=tuple(pythons(name, settings)))


def pythons(name: str, settings: Settings) -> list[Interpreter]:
    """Return the Pythons that a kind has; those that it would have to fetch have no path. Raises EnvError."""
    if name == "sarus":
        return sarus.pythons(settings.containers.base)
    bases.insist_on_sdk()
    return bases.pythons(engines.find(name), settings.containers.base)


def wall(kind: str, holds: Held, request: RunRequest, settings: Settings) -> Wall:
    """Return the wall that the container of this kind is. Raises Refused where another wall was asked for."""
    made = _wall(kind, holds.asked, request.walls.opens, settings)
    gives = (*made.gives, *within(request.timeout or holds.timeout))
    return replace(made, gives=gives, lacks=(*made.lacks, *holds.refused), why=holds.why)


def _wall(kind: str, asked: Asked, opens: bool, settings: Settings) -> Wall:
    if asked.sandbox not in ("", "auto", "container"):
        raise Refused(
            f"An environment of the kind {kind} runs in its own container, and behind no other wall.",
            cause=f"--sandbox {asked.sandbox} was asked for.",
            hint="Leave --sandbox out, or choose --env venv.",
        )
    if kind == "sarus":
        return _of_sarus(asked)
    if asked.limits.told() and (reason := engines.cannot_limit(engines.find(kind), asked.limits)):
        raise Refused("The limits cannot be held here.", cause=reason, hint=CONTROLLERS)
    network = asked.reach.network and (opens or settings.containers.network != "none")
    asked = replace(asked, sandbox="container", reach=replace(asked.reach, network=network))
    return Wall("container", asked, NOTHING_HERE, (*asked.limits.told(), *asked.reach.told()))


def _of_sarus(asked: Asked) -> Wall:
    """Limits from outside, and what a container of Sarus leaves open."""
    if not asked.reach.network:
        raise Refused(
            "Sarus cannot close the network to a script.",
            cause="Its containers have the network of the machine.",
            hint="Leave --no-network out, or choose --env docker.",
        )
    made = Wall("limits", asked, machine(), asked.limits.told(), ("the network is open",))
    holds.insist_on_limits(made)
    return made


def with_its_image(env: Env, context: Context) -> Iterator[Event]:
    """Make the image of an environment again where its engine has lost it."""
    if env.spec.kind == "sarus":
        return  # it has no image of its own
    engine = engines.find(env.spec.kind)
    if not containers.is_there(engine, env.path):
        yield Told(f"{engine.says} has lost the image of {env.name}; it is made again.")
        yield from containers.made_again(engine, env.spec, env.path, context.stop)


@contextlib.contextmanager
def put_up(
    wall: Wall, script: Script, made: Plan, env: Env, state: Path, ground: Ground, settings: Settings
) -> Iterator[container.Box | holds.Hold]:
    """Get ready for one run in the container of an environment; its project can be written to."""
    if env.spec.kind == "sarus":
        with fence.around(wall, ground, state.with_name(f"{state.name}.wall")) as inner:
            yield _hold(inner, script, made, env, ground)
        return
    engine = engines.find(env.spec.kind)
    wall = _with_its_project(wall, script, made)
    network = settings.containers.network
    name = network if network != "none" else "bridge"
    place = state.with_name(f"{state.name}.wall")
    python = str(layers.PREFIX / "bin" / "python")
    with container.around(wall, engine, containers.image_of(env.path), ground, place, python, name) as box:
        yield box


def shell(env: Env, command: tuple[str, ...], context: Context) -> Become:
    """Return what this process is to become: a command in the container of an environment, whose project and working
    folder can be written to. What lies beside that is swept when this process is gone."""
    limits = _wall(env.spec.kind, NOTHING, False, context.settings)
    project = env.spec.scope if os.path.isdir(env.spec.scope) else os.getcwd()
    reach = replace(limits.asked.reach, writable=(*limits.asked.reach.writable, project, os.getcwd()))
    limits = replace(limits, asked=replace(limits.asked, reach=reach))
    folder = paths.state() / "running" / f"{os.getpid()}.shell.wall"
    own = (paths.data(), paths.cache(), paths.state(), paths.config_file().parent)
    ground = Ground(env.path, Path(env.python), (), own)
    engine, image = engines.find(env.spec.kind), containers.image_of(env.path)
    python, network = str(layers.PREFIX / "bin" / "python"), context.settings.containers.network
    box = container.ready(limits, engine, image, ground, folder, python, network)
    argv = box.command(command)
    return Become(argv, box.environ(dict(os.environ)))


def _with_its_project(wall: Wall, script: Script, made: Plan) -> Wall:
    """Return the wall with the project open to be written to, but for a script that somebody else wrote."""
    project = made.spec.scope if os.path.isdir(made.spec.scope) else str(script.folder)
    if any(line.startswith("[walls.stranger]") for line in wall.why):
        return wall
    reach = replace(wall.asked.reach, writable=(*wall.asked.reach.writable, project))
    return replace(wall, asked=replace(wall.asked, reach=reach))


def _hold(inner: fence.Fence, script: Script, made: Plan, env: Env, ground: Ground) -> holds.Hold:
    image = containers.image_of(env.path)
    seen = opened(_with_its_project(inner.wall, script, made).asked.reach, ground)
    empty = inner.folder / "empty"
    empty.mkdir()
    mounts = [holds.mount(str(env.path), target=str(layers.PREFIX), readonly=True)]
    for each in container.mounts(seen):
        mounts.append(holds.mount(each["Source"], target=each["Target"], readonly=each["ReadOnly"]))
    mounts += [holds.mount(str(empty), target=path, readonly=True) for path in container.closed_folders(seen)]
    return holds.Hold(
        holds.program(), inner, image.id, image.path, tuple(mounts), tuple(made.variables.items()), seen.writable
    )


def remember(request: RunRequest, script: Script, made: Plan, env: Env, box: object) -> None:
    """Keep what the next run of this script needs to start at once: see luci.runner.boxed_again."""
    known = memory.load(script)
    if box.wall.why if isinstance(box, container.Box) else True:
        return  # what the settings or the project's file hold it to is weighed each time
    plain = replace(request, script="", args=(), front={}) == RunRequest("", become=True)
    if not (
        plain and isinstance(box, container.Box) and box.is_plain and known.warm and known.warm.get("key") == env.key
    ):
        return
    if known.warm.get("box") or script.argv != (request.script,):
        return
    python = str(layers.PREFIX / "bin" / "python")
    told = box.told([python])
    create = told.pop("create")
    host = create["HostConfig"]
    held = [mount for mount in host["Mounts"] if mount["Source"] != str(box.reports)]
    run = {"env_key": env.key, "requirements": env.spec.requirements, "python": env.version, "wall": "container"}
    kept = {
        "create": {**create, "HostConfig": {**host, "Mounts": held}},
        "told": {name: told[name] for name in ("socket", "path", "own")},
        "cwd": os.getcwd(),
        "guarded": box.guarded,
        "engines": {name: os.environ.get(name, "") for name in boxed_again.ENGINES},
        "variables": sorted(box.chosen),
        "fixed": {**made.variables, **box.fixed},
        "reads_stdin": known.warm["reads_stdin"],
        "run": {**run, "limits": box.wall.gives},
    }
    memory.save(script, replace(known, warm={**known.warm, "box": kept}))
