"""What can be done with environments."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luci import paths
from luci.context import Context, Question
from luci.envs import installer, interpreters, prunes, trees, uses
from luci.envs.installer import Terms
from luci.envs.sources import sources
from luci.envs.store import Env, Store, altered, fault, sizes
from luci.envs.store import verify as faults_of
from luci.errors import EnvError, Refused, UsageError
from luci.events import Event, Told, Working
from luci.runner import memory, tidy
from luci.runner.plan import quarantine
from luci.runner.script import read_script


@dataclass(frozen=True, slots=True)
class EnvRequest:
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
    """Return the environment that a script uses, or that a key or a name means. Raises EnvError, UsageError."""
    path = Path(selector)
    if path.suffix in (".py", ".pyw") or path.exists():
        script = read_script(selector, "folder" if path.is_dir() else "file")
        env = store().get(memory.load(script).key)
        if env is None:
            raise EnvError(f"{selector} has no environment yet.", hint=f"`luci run {selector}` makes one.")
        return env
    return store().find(selector)


def _several(request: EnvRequest) -> list[Env]:
    if request.all:
        return store().all()
    if not request.selectors:
        raise UsageError("Which environment?", hint="Give a key, a name or a script, or --all.")
    return [chosen(selector) for selector in request.selectors]


def described(env: Env, scripts: dict[str, list[str]]) -> dict[str, Any]:
    """An environment as the lists show it."""
    users = scripts.get(env.key, [])
    return {**env.as_dict(), "scripts": users, "state": state(env, users)}


def state(env: Env, scripts: list[str]) -> str:
    if fault(env):
        return "broken"
    return "orphaned" if prunes.orphaned(env, scripts) else "ready"


def listed(request: EnvRequest, context: Context) -> Generator[Event, None, list[dict[str, Any]]]:
    yield from ()
    scripts = memory.scripts_by_key()
    return [described(env, scripts) for env in store().all()]


def show(request: EnvRequest, context: Context) -> Generator[Event, None, dict[str, Any]]:
    yield from ()
    env = _one(request)
    about = described(env, memory.scripts_by_key())
    return {**about, "fault": fault(env), "in_use_by": uses.users(env.root), "freed_by_removing": sum(sizes(env.root))}


def path(request: EnvRequest, context: Context) -> Generator[Event, None, str]:
    yield from ()
    return str(_one(request).path)


def tree(request: EnvRequest, context: Context) -> Generator[Event, None, list[trees.Node]]:
    yield from ()
    return trees.tree(_one(request))


def why(request: EnvRequest, context: Context) -> Generator[Event, None, dict[str, Any]]:
    """Return who asked for a package: the imports, and the chains of requirements that lead to it."""
    yield from ()
    env = _one(request)
    return trees.why(env, request.package)


def verify(request: EnvRequest, context: Context) -> Generator[Event, None, dict[str, list[str]]]:
    """Return {name: faults} of what was looked at."""
    found = {}
    for env in _several(request) if request.selectors else store().all():
        yield Working("verifying", env.name)
        found[env.name] = faults_of(env)
    return found


def rebuild(request: EnvRequest, context: Context) -> Generator[Event, None, list[dict[str, Any]]]:
    rebuilt = []
    for env in _several(request):
        python = interpreters.choose(env.interpreter if Path(env.interpreter).exists() else env.spec.python)
        terms = Terms(
            builds=bool(env.about.get("builds")),
            wheels_only=frozenset(env.about.get("guessed", ())),
            not_after=tuple((name, quarantine(context.settings.gate)) for name in env.about.get("dated", ())),
            offline=context.settings.index.offline,
        )

        def fill(folder: Path, env: Env = env, terms: Terms = terms) -> Iterator[Event]:
            return installer.install(env.spec, folder, sources(context.settings.index), terms, context.stop)

        if altered(faults_of(env)):
            installer.forget(env.installed)
        new = yield from store().rebuild(env, python, fill)
        rebuilt.append(new.as_dict())
    return rebuilt


def remove(request: EnvRequest, context: Context) -> Generator[Event, None, list[str]]:
    envs = _several(request)
    details = tuple(f"{env.name}  ({', '.join(env.spec.requirements) or 'no packages'})" for env in envs)
    if request.dry_run:
        return [env.name for env in envs]
    if envs and not context.ask(Question("remove", f"Remove {len(envs)} environment(s)?", details, "--yes")):
        raise Refused("Nothing was removed.", hint="--yes answers yes.")
    removed, failed = [], []
    for env in envs:
        try:
            store().remove(env)
            removed.append(env.name)
        except EnvError as error:
            failed.append(error)
            yield Told(error.message)
    if failed:
        raise EnvError(f"{len(failed)} of {len(envs)} could not be removed.", cause=failed[0].message)
    return removed


def prune(request: EnvRequest, context: Context) -> Generator[Event, None, list[dict[str, Any]]]:
    """Remove, or with dry_run only list, what is broken, orphaned, unused for long, or over the budget."""
    settings = context.settings.envs
    policy = prunes.Policy(
        orphan_days=0,
        unused_days=settings.unused_days if request.unused_days is None else request.unused_days,
        budget_bytes=(settings.budget_gb if request.budget_gb is None else request.budget_gb) * 1e9,
    )
    found = prunes.candidates(store(), policy, memory.scripts_by_key())
    rows = [{"name": c.env.name, "key": c.env.key, "reason": c.reason, "freed": sum(sizes(c.env.root))} for c in found]
    if request.dry_run:
        return rows
    details = tuple(f"{row['name']}  {row['reason']}" for row in rows)
    if rows and not context.ask(Question("prune", f"Remove {len(rows)} environment(s)?", details, "--yes")):
        raise Refused("Nothing was removed.", hint="--yes answers yes.")
    yield from prunes.remove(store(), found)
    tidy.sweep(store())
    return rows


def stats(request: EnvRequest, context: Context) -> Generator[Event, None, dict[str, Any]]:
    scripts = memory.scripts_by_key()
    envs = store().all()
    states: dict[str, int] = {}
    kinds: dict[str, int] = {}
    freed = 0
    for env in envs:
        yield Working("measuring", env.name)
        now = state(env, scripts.get(env.key, []))
        states[now] = states.get(now, 0) + 1
        kinds[env.spec.kind] = kinds.get(env.spec.kind, 0) + 1
        freed += sum(sizes(env.root))
    return {
        "environments": len(envs),
        "by_kind": kinds,
        "by_state": states,
        "bytes": sum(int(env.about.get("bytes", 0)) for env in envs),
        "freed_by_removing_all": freed,
        "wheel_cache": installer.cache_folder(),
        "wheel_cache_bytes": sum(sizes(Path(installer.cache_folder()))) if installer.cache_folder() else 0,
        "budget_bytes": context.settings.envs.budget_gb * 1e9,
    }


def _one(request: EnvRequest) -> Env:
    if len(request.selectors) != 1:
        raise UsageError("Which environment?", hint="Give one key, name or script; `luci env list` shows them.")
    return chosen(request.selectors[0])
