"""Say what running a script would do."""

from __future__ import annotations

import time
from collections.abc import Generator

from luci import paths
from luci.context import Context
from luci.envs.store import Store, fault
from luci.events import Event
from luci.runner import keeping, memory
from luci.runner import plan as plans
from luci.runner.plan import Plan
from luci.runner.request import RunRequest
from luci.runner.script import read_script
from luci.runner.walled import wall_for, walled


def plan(request: RunRequest, context: Context) -> Generator[Event, None, tuple[Plan, str]]:
    """Return the plan, and what would happen to the environment: "reuse", "build" or "rebuild".

    Raises Refused where the wall that is asked for cannot be had.
    """
    script = read_script(request.script, request.kind)  # type: ignore[arg-type]
    wall = wall_for(request, script, context)
    began = time.time_ns()
    before = keeping.Look(script) if wall is None and keeping.can_be_kept(script, request.wants) else None
    made = yield from plans.make(script, request.wants, context, memory.load(script))
    wall = wall_for(request, script, context, made.spec.kind)
    if before and wall is None:
        keeping.keep(script, request.wants, made, before, began, context)
    env = Store(paths.envs()).get(made.spec.key)
    return walled(made, wall), "build" if env is None else "rebuild" if fault(env) else "reuse"
