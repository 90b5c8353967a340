"""Write the exact versions of a script, or of an environment, with their hashes; or say whether they went stale."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from luci.actions.envs import chosen, store
from luci.context import Context
from luci.envs import exports
from luci.envs.resolver import Change
from luci.envs.store import Env, fault
from luci.errors import EnvError, Refused, UsageError
from luci.events import Event, Told, Working
from luci.runner import declared, locking
from luci.runner.locking import Lock
from luci.runner.script import Script, read_script
from luci.runner.wants import Wants
from luci.values import Value, as_dict, replace


class LockRequest(Value):
    """`selector` is a script, or a key or name of an environment. With `check` nothing is written; with `undo` what the
    lock held before it was written over."""

    selector: str
    output: str = ""
    upgrade: bool = False
    check: bool = False
    allow: tuple[str, ...] = ()
    offline: bool = False
    undo: bool = False


class Locked(Value):
    """What a lock holds, and what of it changed. `stale` says why it was not what is needed, if it was there."""

    path: str
    text: str
    packages: dict[str, str]
    changes: tuple[Change, ...] = ()
    stale: tuple[str, ...] = ()
    written: bool = False

    def as_dict(self) -> dict[str, Any]:
        return as_dict(self)


def lock(request: LockRequest, context: Context) -> Generator[Event, None, Locked]:
    """Raises Refused where a file that is there was to be left, or a guessed name was not let in."""
    if request.check and (request.upgrade or request.output):
        raise UsageError("--check writes nothing.", hint="Leave --upgrade and --output out.")
    if request.undo and (request.upgrade or request.check):
        raise UsageError("--undo only takes the former lock back.", hint="Leave --upgrade and --check out.")
    if _is_script(request.selector):
        script = read_script(request.selector)
        if request.undo:
            path = Path(os.path.abspath(request.output)) if request.output else locking.place(script)
            return (yield from _saved(locking.undone(path), context))
        return (yield from (_checked if request.check else _of_script)(script, request, context))
    return (yield from _of_environment(chosen(request.selector), request, context))


def _is_script(selector: str) -> bool:
    if os.sep not in selector and store().named(selector):
        return False
    return selector.endswith((".py", ".pyw")) or os.path.exists(selector)


def _wants(request: LockRequest) -> Wants:
    return Wants(allow=frozenset(request.allow), offline=request.offline)


def _of_script(script: Script, request: LockRequest, context: Context) -> Generator[Event, None, Locked]:
    path = Path(os.path.abspath(request.output)) if request.output else locking.place(script)
    made = yield from locking.planned(script, _wants(request), context)
    if unknown := [c for c in made.choices if c.kind == "unknown" and c.status == "none"]:
        for choice in unknown:
            yield Told(f"{choice.module} is not in the lock: {choice.reason}.")
    return (yield from _saved((yield from locking.locked(made, path, context, upgrade=request.upgrade)), context))


def _saved(lock: Lock, context: Context) -> Generator[Event, None, Locked]:
    if not locking.save(lock, context):
        raise Refused(
            f"{lock.path.name} was left as it is.",
            cause="\n".join(map(str, lock.changes)),
            hint="--yes writes over it, --check only says whether it is stale.",
        )
    if lock.text == lock.before:
        yield Told(f"{lock.path.name} is up to date.")
    held = locking.versions(lock.text, lock.path)
    return Locked(str(lock.path), lock.text, held, lock.changes, written=lock.text != lock.before)


def _checked(script: Script, request: LockRequest, context: Context) -> Generator[Event, None, Locked]:
    held = declared.beside(script.path) if script.path else None
    if held is None or held.locked is None:
        path = locking.place(script)
        return Locked(str(path), "", {}, stale=(f"there is no {path.name}",))
    made = yield from locking.planned(script, _wants(request), context)
    text = locking.read(held.locked)
    stale = tuple(locking.stale(made, held))
    return Locked(str(held.locked), text, locking.versions(text, held.locked), stale=stale)


def _of_environment(env: Env, request: LockRequest, context: Context) -> Generator[Event, None, Locked]:
    """What is installed, or with upgrade what would be the newest; the environment stays as it is."""
    from luci.actions.grounds import grounds
    from luci.envs import resolver

    locking.insist(env.spec.kind)
    if problem := fault(env):
        raise EnvError(f"{env.name} is broken: {problem}.", hint=f"`luci env rebuild {env.key}` mends it.")
    path = Path(os.path.abspath(request.output or f"pylock.{env.names[0] if env.names else env.label}.toml"))
    if request.undo:
        return (yield from _saved(locking.undone(path), context))
    before = locking.read(path)
    if request.check:
        held = locking.versions(before, path)
        stale = [f"there is no {path.name}"] if not before else _differences(held, env)
        return Locked(str(path), before, held, stale=tuple(stale))
    yield Working("reading", env.name)
    ground = grounds(env, context, refresh=request.upgrade and not request.offline)
    terms = replace(ground.terms, offline=ground.terms.offline or request.offline)
    lines = exports.frozen(env)
    if request.upgrade:
        lines = yield from resolver.resolve(env.spec, ground.python.path, ground.sources, terms, context.stop)
    text = yield from exports.pylock(env, lines, ground.sources, terms, context.stop)
    changes = tuple(locking.changes(before, text, path))
    return (yield from _saved(Lock(path, text, before, changes), context))


def _differences(held: dict[str, str], env: Env) -> list[str]:
    found = [Change(n, held.get(n, ""), env.installed.get(n, "")) for n in sorted({*held, *env.installed})]
    return [f"{change}" for change in found if change.before != change.after and "://" not in change.before]
