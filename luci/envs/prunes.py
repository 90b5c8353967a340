"""Which environments are not needed any more, and why."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping

from luci.envs import uses
from luci.envs.store import Env, Store, fault
from luci.errors import EnvError
from luci.events import Event, Note, Told
from luci.values import Value

DAY = 86_400  # seconds


class Policy(Value):
    orphan_days: float
    unused_days: float
    budget_bytes: float


class Candidate(Value):
    env: Env
    reason: str


def candidates(store: Store, policy: Policy, scripts: Mapping[str, list[str]]) -> list[Candidate]:
    """Return what may go, never what is in use. `scripts` are the files known to use each key."""
    found: list[Candidate] = []
    kept: list[Env] = []
    now = time.time()
    for env in store.all():  # the most lately used first
        idle = (now - uses.last(env.root)) / DAY
        reason = ""
        if problem := fault(env):
            reason = f"broken: {problem}"
        elif idle >= policy.unused_days:
            reason = f"unused for {idle:.0f} days"
        elif idle >= policy.orphan_days and orphaned(env, scripts.get(env.key, [])):
            reason = "no script that used it is there any more"
        if reason:
            found.append(Candidate(env, reason))
        else:
            kept.append(env)
    held = 0
    for env in kept:
        held += int(env.about.get("bytes", 0))
        if held > policy.budget_bytes:
            found.append(Candidate(env, f"over the budget of {policy.budget_bytes / 1e9:g} GB, and the longest unused"))
    return [candidate for candidate in found if not _in_use(candidate.env)]


def _in_use(env: Env) -> bool:
    try:
        return bool(uses.users(env.root))
    except OSError:
        return True  # nobody can tell


def orphaned(env: Env, scripts: Iterable[str]) -> bool:
    """Whether every script that is known to have used it is gone. What nobody's file used, was used by no file."""
    return not any(os.path.exists(script) for script in {*scripts, str(env.about.get("script", ""))})


def remove(store: Store, found: Iterable[Candidate]) -> Iterator[Event]:
    for candidate in found:
        try:
            if store.remove_unwanted(candidate.env) is not None:
                yield Note(f"removed {candidate.env.name}: {candidate.reason}")
        except EnvError as error:
            yield Told(error.message)
