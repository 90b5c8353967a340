"""What can be done with environments."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luci import paths, units
from luci.actions import rows
from luci.context import Context, Question
from luci.envs import uses
from luci.envs.sizes import sizes
from luci.envs.store import Env, Store, weighed
from luci.envs.whole import altered
from luci.envs.whole import verify as faults_of
from luci.errors import EnvError, Refused, UsageError
from luci.events import Event, Measured, Note, Reached, Told, Working
from luci.runner import memory, owners
from luci.runner.script import read_script
from luci.values import Value

if TYPE_CHECKING:
    from luci.actions.grounds import Grounds
    from luci.envs import prunes, trees


class EnvRequest(Value):
    """`selectors` are keys, their beginnings, names, labels or scripts."""

    selectors: tuple[str, ...] = ()
    all: bool = False
    package: str = ""
    dry_run: bool = False
    unused_days: float | None = None
    budget_gb: float | None = None


def store() -> Store:
    return Store(paths.envs())


def chosen(selector: str) -> Env:
    """Return the environment that a script uses, or that a key or a name means; a name that was given by hand comes
    before a folder that is called so. Raises EnvError, UsageError."""
    if os.sep not in selector and (named := store().named(selector)):
        return named
    if selector.endswith((".py", ".pyw")) or os.path.exists(selector):
        script = read_script(selector, "folder" if os.path.isdir(selector) else "file")
        env = store().get(memory.load(script).key)
        if env is None:
            raise EnvError(f"{selector} has no environment yet.", hint=f"`luci run {selector}` makes one.")
        return env
    return store().find(selector)


def several(request: EnvRequest) -> list[Env]:
    """Return the environments that are asked for. Raises UsageError where none is."""
    if request.all:
        return store().all()
    if not request.selectors:
        raise UsageError("Which environment?", hint="Give a key, a name or a script, or --all.")
    return [chosen(selector) for selector in request.selectors]


def listed(request: EnvRequest, context: Context) -> Generator[Event, None, list[dict[str, Any]]]:
    yield from ()
    return rows.all_of_them()


def show(request: EnvRequest, context: Context) -> Generator[Event, None, dict[str, Any]]:
    from luci.actions.described import shown

    yield from ()
    return shown(_one(request), owners.scripts_by_key())


def inspect(request: EnvRequest, context: Context) -> Generator[Event, None, dict[str, Any]]:
    """Return all that is known of one environment; reads the metadata of its packages."""
    from luci.actions.described import inspected

    env = _one(request)
    yield Working("reading", env.name)
    return inspected(env, owners.scripts_by_key())


def path(request: EnvRequest, context: Context) -> Generator[Event, None, str]:
    yield from ()
    env = _one(request)
    if env.by_hand:
        uses.note(env.root)  # who asks for its folder is about to use it
    return str(env.path)


def tree(request: EnvRequest, context: Context) -> Generator[Event, None, list[trees.Node]]:
    from luci.envs import trees

    yield from ()
    return trees.tree(_one(request))


def why(request: EnvRequest, context: Context) -> Generator[Event, None, dict[str, Any]]:
    """Return who asked for a package: the imports, and the chains of requirements that lead to it."""
    from luci.envs import trees

    yield from ()
    env = _one(request)
    return trees.why(env, request.package)


def verify(request: EnvRequest, context: Context) -> Generator[Event, None, dict[str, list[str]]]:
    """Return {name: faults} of what was looked at."""
    found = {}
    envs = several(request) if request.selectors else store().all()
    for number, env in enumerate(envs):
        yield Reached(number, len(envs), env.label)
        yield Working("verifying", env.name)
        found[env.name] = faults_of(env)
    return found


def rebuild(request: EnvRequest, context: Context) -> Generator[Event, None, list[dict[str, Any]]]:
    from luci.actions.grounds import grounds  # 60 ms: all that makes a plan
    from luci.envs import backends, installer

    rebuilt = []
    envs = several(request)
    for number, env in enumerate(envs):
        yield Reached(number, len(envs), env.label)
        ground = grounds(env, context)

        def fill(folder: Path, env: Env = env, ground: Grounds = ground) -> Iterator[Event]:
            return backends.of(env.spec.kind).install(env.spec, folder, ground.sources, ground.terms, context.stop)

        if altered(faults_of(env)):
            installer.forget(env.installed)
        new = yield from store().rebuild(env, ground.python, fill)
        rebuilt.append(new.as_dict())
    return rebuilt


def remove(request: EnvRequest, context: Context) -> Generator[Event, None, list[str]]:
    envs = several(request)
    if request.dry_run:
        return [env.name for env in envs]
    details = tuple(_what_goes(env) for env in envs)
    if envs and not context.ask(_removal("remove", details)):
        raise Refused("Nothing was removed.", hint="--yes answers yes.")
    removed, failed = [], []
    for number, env in enumerate(envs):
        yield Reached(number, len(envs), env.label)
        try:
            store().remove(env)
            removed.append(env.name)
            yield Note(f"removed {env.name}")
        except EnvError as error:
            failed.append(error)
            yield Told(error.message)
    if failed:
        raise EnvError(f"{len(failed)} of {len(envs)} could not be removed.", cause=failed[0].message)
    return removed


def _removal(kind: str, details: tuple[str, ...]) -> Question:
    number = len(details)
    these, them = ("this environment", "it") if number == 1 else (f"these {number} environments", "them")
    return Question(kind, f"Remove {these}?", details, "--yes", yes=f"Remove {them}", no=f"Keep {them}")


def _what_goes(env: Env) -> str:
    """One line for whom is asked: what it is, what is in it, and what is won."""
    lines = (line.partition(" --hash")[0] for line in (*env.spec.conda, *env.spec.requirements))
    packages = ", ".join(lines) or "no packages"
    called = f"called {', '.join(env.names)}; " if env.names else ""
    return f"{env.name}  ({called}{packages}; frees {units.amount(sum(sizes(env.root)))})"


def prune(request: EnvRequest, context: Context) -> Generator[Event, None, list[dict[str, Any]]]:
    """Remove, or with dry_run only list, what is broken, orphaned, unused for long, or over the budget.

    With selectors, only those of them that are named.
    """
    from luci.envs import prunes
    from luci.runner import tidy

    yield Working("looking", "for what is not needed any more")
    found = prunes.candidates(store(), _policy(request, context), owners.scripts_by_key())
    if request.selectors:
        only = {env.key for env in several(request)}
        found = [candidate for candidate in found if candidate.env.key in only]
    goes = [_row(candidate) for candidate in found]
    if request.dry_run:
        return goes
    details = tuple(f"{row['name']}  ({row['reason']}; frees {units.amount(row['freed'])})" for row in goes)
    if goes and not context.ask(_removal("prune", details)):
        raise Refused("Nothing was removed.", hint="--yes answers yes.")
    yield from prunes.remove(store(), found)
    tidy.sweep(store())
    return goes


def _row(candidate: prunes.Candidate) -> dict[str, Any]:
    env = candidate.env
    return {"name": env.name, "key": env.key, "reason": candidate.reason, "freed": sum(sizes(env.root))}


def _policy(request: EnvRequest, context: Context) -> prunes.Policy:
    from luci.envs import prunes

    settings = context.settings.envs
    return prunes.Policy(
        orphan_days=0,
        unused_days=settings.unused_days if request.unused_days is None else request.unused_days,
        budget_bytes=(settings.budget_gb if request.budget_gb is None else request.budget_gb) * 1e9,
    )


def stats(request: EnvRequest, context: Context) -> Generator[Event, None, dict[str, Any]]:
    """Return what all of them take on the disk; each is told as it is measured."""
    from luci.envs import installer, prunes

    scripts = owners.scripts_by_key()
    envs = store().all()
    held: dict[str, int] = {}
    freed: dict[str, int] = {}
    for number, env in enumerate(envs):
        yield Reached(number, len(envs), env.label)
        yield Working("measuring", env.name)
        held[env.key], freed[env.key] = weighed(env)
        yield Measured(env.key, held[env.key], freed[env.key])
    yield Working("measuring", "the wheel cache")
    cache = installer.cache_folder()
    idle = prunes.candidates(store(), _policy(request, context), scripts)
    return {
        "environments": len(envs),
        "by_kind": dict(Counter(env.spec.kind for env in envs)),
        "by_state": dict(Counter(row["state"] for row in rows.all_of_them(brief=True) if row["state"] != "building")),
        "bytes": sum(held.values()),
        "freed_by_removing_all": sum(freed.values()),
        "freed_by_pruning": sum(freed.get(candidate.env.key, 0) for candidate in idle),
        "wheel_cache": cache,
        "wheel_cache_bytes": sum(sizes(Path(cache))) if cache else 0,
        "budget_bytes": context.settings.envs.budget_gb * 1e9,
    }


def _one(request: EnvRequest) -> Env:
    if len(request.selectors) != 1:
        raise UsageError("Which environment?", hint="Give one key, name or script; `luci env list` shows them.")
    return chosen(request.selectors[0])
