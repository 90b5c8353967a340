"""Bring environments up to date: the difference first, then a new generation; and the way back."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from luci.actions.envs import EnvRequest, several, store
from luci.actions.grounds import Grounds, grounds
from luci.context import Context, Question
from luci.envs import backends, generations, resolver
from luci.envs.resolver import Change, Newest
from luci.envs.store import Env
from luci.errors import EnvError, LuciError, Refused, UsageError
from luci.events import Event, Reached, Told, Warned
from luci.values import Value


class UpdateRequest(Value):
    """`undo` takes the former generation back, which an update keeps for 7 days."""

    selectors: tuple[str, ...] = ()
    all: bool = False
    dry_run: bool = False
    undo: bool = False


class _Update(Value):
    """What an update of one environment would bring."""

    env: Env
    ground: Grounds
    newest: Newest

    @property
    def changes(self) -> tuple[Change, ...]:
        return self.newest.changes

    def told(self, path: Path | None = None) -> dict[str, Any]:
        return _told(self.env, self.changes, path)


def update(request: UpdateRequest, context: Context) -> Generator[Event, None, list[dict[str, Any]]]:
    """Return what changed in each environment, or with dry_run would change: {name, key, label, changes, path}."""
    envs = several(EnvRequest(request.selectors, request.all))
    if request.undo:
        return _take_back(envs, request)
    found: list[_Update] = []
    failed: list[LuciError] = []
    for number, env in enumerate(envs):
        yield Reached(number, len(envs), env.label)
        try:
            found.append((yield from _resolved(env, context)))
        except (EnvError, UsageError) as error:
            failed.append(error)
            yield Warned(f"{env.name}: {error.message}", hint=error.hint)
    wanted = [each for each in found if each.changes]
    if wanted and not request.dry_run:
        details = tuple(f"{each.env.label}: {change}" for each in wanted for change in each.changes)
        these = "this environment" if len(wanted) == 1 else f"these {len(wanted)} environments"
        question = Question("update", f"Update {these}?", details, "--yes", yes="Update, as told", no="Change nothing")
        if not context.ask(question):
            raise Refused("Nothing was updated.", hint="--yes answers yes.")
    results = []
    for number, each in enumerate(found):
        path = None
        if each.changes and not request.dry_run:
            yield Reached(number, len(found), each.env.label)
            try:
                path = (yield from _updated(each, context)).path
            except EnvError as error:
                failed.append(error)
                yield Told(f"{each.env.name}: {error.message}")
                continue
        results.append(each.told(path))
    if failed:
        raise failed[0] if len(envs) == 1 else _some(failed, len(envs))
    return results


def _some(failed: list[LuciError], total: int) -> EnvError:
    return EnvError(f"{len(failed)} of {total} could not be updated.", cause=failed[0].message, hint=failed[0].hint)


def _resolved(env: Env, context: Context) -> Generator[Event, None, _Update]:
    backends.insist(env.spec.kind, "update", "is not updated", "Nothing was installed into it.")
    ground = grounds(env, context, refresh=not context.settings.index.offline)
    if not ground.same_places:
        raise EnvError(
            f"{env.name} was filled from another index than the one that is configured now.",
            hint="Run its script again: that makes an environment from this index.",
        )
    backend = backends.of(env.spec.kind)
    terms = (ground.sources, ground.terms, context.stop)
    return _Update(env, ground, (yield from backend.newest(env.spec, env.path, ground.python, *terms)))


def _updated(each: _Update, context: Context) -> Generator[Event, None, Env]:
    """Build what was shown, and nothing newer that came since."""

    def fill(folder: Path) -> Iterator[Event]:
        backend = backends.of(each.env.spec.kind)
        return backend.install(each.newest.spec, folder, each.ground.sources, each.ground.terms, context.stop)

    return (yield from store().rebuild(each.env, each.ground.python, fill, keep_former=True))


def _take_back(envs: list[Env], request: UpdateRequest) -> list[dict[str, Any]]:
    results = []
    for env in envs:
        before = generations.former(env)
        back = before if before and request.dry_run else store().take_back(env)
        lines = [f"{name}=={version}" for name, version in back.installed.items()]
        path = None if request.dry_run else back.path
        results.append(_told(env, tuple(resolver.changes(env.installed, lines)), path))
    return results


def _told(env: Env, changes: tuple[Change, ...], path: Path | None) -> dict[str, Any]:
    about = {"name": env.name, "key": env.key, "label": env.label}
    return {**about, "changes": [change.as_dict() for change in changes], "path": str(path or env.path)}
