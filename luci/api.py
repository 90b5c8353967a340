"""The public Python API: what the command line can do, for programs.

    from luci import api

    plan = api.plan("plot.py")
    print(plan.spec.requirements)
    result = api.run("plot.py", "--size", "10")
    print(result.exit_code, result.stdout)

Every function raises LuciError (luci.errors) with a message for a person; nothing here prints or asks. A name that
only the package index speaks for is refused unless `allow` names it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from luci import config, paths
from luci.actions import envs as _envs
from luci.actions.creates import ImportRequest
from luci.actions.door import perform
from luci.actions.envs import EnvRequest
from luci.actions.locks import Locked, LockRequest
from luci.context import Context, Question
from luci.envs import installer, interpreters
from luci.envs.sources import sources
from luci.envs.spec import EnvSpec
from luci.envs.store import Env, Store
from luci.envs.terms import Terms
from luci.errors import UsageError
from luci.events import Event, Output, Retrying
from luci.runner.by_hand import check_name
from luci.runner.plan import Plan
from luci.runner.request import RunRequest
from luci.runner.wants import Wants
from luci.values import Value

__all__ = ["Env", "Locked", "Plan", "Result", "create", "get", "list", "lock", "plan", "remove", "run", "stats"]
__all__ += ["take_over"]

T = TypeVar("T")
Listener = Callable[[Event], None]


class Result(Value):
    """How a script ended and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str


def create(*requirements: str, name: str = "", python: str = "", scope: str = "") -> Env:
    """Return the environment with these PEP 508 requirements, built if it is not there.

    `name` is what it is called from then on; `python` is a version, a range or a path, the newest Python here by
    default; `scope` is the folder whose environment it is, "" for one that is shared. It is kept until it is removed,
    or unused for long. Raises UsageError where another is called so.
    """
    context = Context(config.load())
    places = sources(context.settings.index)
    chosen = interpreters.choose(python or ">=3")
    spec = EnvSpec(
        python=chosen.short,
        implementation=chosen.implementation,
        platform=chosen.platform,
        requirements=requirements,
        scope=scope,
        index=places.identity,
    )

    def fill(folder: Path) -> Iterator[Event]:
        return installer.install(spec, folder, places, Terms(), context.stop)

    store = Store(paths.envs())
    if name:
        check_name(name)
        if (other := store.named(name)) and other.key != spec.key:
            raise UsageError(f"{name} is another environment: {other.name}.", hint="Choose another name.")
    env = _end(store.ready(spec, chosen, fill, label=name or "api", about={"by_hand": True}))
    return store.call(env, name)


def take_over(source: str, *, name: str = "", python: str = "", allow: Iterable[str] = (), partly: bool = False) -> Env:
    """Return an environment made of a lock, a list, or the folder of a virtual environment.

    What cannot be taken over (editable installs, local paths) is a reason to refuse, unless `partly`.
    """

    def answer(question: Question) -> bool:
        return partly and question.kind == "left-out"

    request = ImportRequest(source, name, Wants((), python, frozenset(allow)))
    made = _end(perform("env import", request, Context(config.load(), answer)))
    return get(made["key"])


def lock(selector: str, *, output: str = "", upgrade: bool = False, overwrite: bool = False) -> Locked:
    """Write the exact versions of a script or an environment, with hashes, as pylock.toml; return what it holds.

    A file that says something else is a reason to refuse, unless `overwrite`.
    """

    def answer(question: Question) -> bool:
        return overwrite and question.kind == "overwrite"

    request = LockRequest(selector, output, upgrade)
    written: Locked = _end(perform("env lock", request, Context(config.load(), answer)))
    return written


def get(selector: str) -> Env:
    """Return the environment that a key, the beginning of one, a name, or a script means. Raises EnvError."""
    return _envs.chosen(selector)


def list() -> Iterable[Env]:
    """Return every environment, the most lately used first."""
    return Store(paths.envs()).all()


def remove(selector: str) -> None:
    """Remove an environment. Raises EnvError where it is in use."""
    Store(paths.envs()).remove(get(selector))


def stats() -> dict[str, Any]:
    """Return counts by kind and state, and bytes: held, and really freed by removing all."""
    counted: dict[str, Any] = _end(perform("env stats", EnvRequest(), Context(config.load())))
    return counted


def plan(script: str, *, requirements: tuple[str, ...] = (), python: str = "", allow: Iterable[str] = ()) -> Plan:
    """Return what running a script would do: the environment, and who says that it needs what."""
    request = RunRequest(script=script, wants=Wants(requirements, python, frozenset(allow)))
    made, _ = _end(perform("plan", request, Context(config.load())))
    return made  # type: ignore[no-any-return]


def run(
    script: str,
    *args: str,
    requirements: tuple[str, ...] = (),
    python: str = "",
    allow: Iterable[str] = (),
    timeout: float | None = None,
    listen: Listener | None = None,
) -> Result:
    """Run a script to its end and return what it wrote. `timeout` is in seconds; `listen` hears every event."""
    written: dict[str, str] = {"stdout": "", "stderr": ""}

    def hear(event: Event) -> None:
        if isinstance(event, Retrying):
            written.update(stdout="", stderr="")  # what an attempt wrote that ended early is not the result
        if isinstance(event, Output):
            written[event.stream] += event.text
        if listen:
            listen(event)

    wants = Wants(requirements, python, frozenset(allow))
    request = RunRequest(script=script, args=args, wants=wants, timeout=timeout)
    code = _end(perform("run", request, Context(config.load())), hear)
    return Result(code, written["stdout"], written["stderr"])


def _end(steps: Generator[Event, None, T], hear: Listener | None = None) -> T:
    """Go through all steps and return the result."""
    while True:
        try:
            event = next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        if hear:
            hear(event)
