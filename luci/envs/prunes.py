"""Which environments are not needed any more, and why."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping

from luci.envs import backends, uses
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
    """Return what may go, never what is in use. `scripts` are the files known to use each key.

    What a person made by hand goes only when it was unused for long: no run would make it again.
    """
    found: list[Candidate] = []
    kept: list[Env] = []
    now = time.time()
    for env in store.all():  # the most lately used first
        idle = (now - _last_used(env)) / DAY
        reason = ""
        if (problem := fault(env)) and not env.by_hand:
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
        if held > policy.budget_bytes and not env.by_hand:
            found.append(Candidate(env, f"over the budget of {policy.budget_bytes / 1e9:g} GB, and the longest unused"))
    return [candidate for candidate in found if not _in_use(candidate.env)]


def _last_used(env: Env) -> float:
    """What was made by hand is also used by editors and activated shells, that leave no marker: Python reads the
    file that makes it an environment at each start, and most disks note the day."""
    last = uses.last(env.root)
    if not env.by_hand:
        return last
    try:
        read = os.stat(backends.of(env.spec.kind).witness(env.path)).st_atime
    except OSError:
        return last
    return max(last, min(read, time.time()))


def _in_use(env: Env) -> bool:
    try:
        return bool(uses.users(env.root))
    except OSError:
        return True  # nobody can tell


def orphaned(env: Env, scripts: Iterable[str]) -> bool:
    """Whether every script that is known to have used it is gone. What nobody's file used, was used by no file; what a
    person made by hand needs none."""
    return not env.by_hand and not any(
        os.path.exists(script) for script in {*scripts, str(env.about.get("script", ""))}
    )


def remove(store: Store, found: Iterable[Candidate]) -> Iterator[Event]:
    for candidate in found:
        try:
            if store.remove_unwanted(candidate.env) is not None:
                yield Note(f"removed {candidate.env.name}: {candidate.reason}")
        except EnvError as error:
            yield Told(error.message)
