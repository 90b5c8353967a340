"""What ran, and how it ended."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from luci import runs
from luci.context import Context
from luci.errors import UsageError
from luci.events import Event
from luci.runs import Run
from luci.values import Value


class RunsRequest(Value):
    selector: str = "1"
    limit: int = 20


def listed(request: RunsRequest, context: Context) -> Generator[Event, None, list[Run]]:
    yield from ()
    return runs.latest(request.limit)


def show(request: RunsRequest, context: Context) -> Generator[Event, None, Run]:
    yield from ()
    return runs.find(request.selector)


def log(request: RunsRequest, context: Context) -> Generator[Event, None, bytes]:
    yield from ()
    run = runs.find(request.selector)
    if not run.log:
        raise UsageError(f"Run {run.id} was not recorded.", hint="`luci run --record SCRIPT` keeps a log.")
    try:
        return Path(run.log).read_bytes()
    except FileNotFoundError:
        hint = "The settings run.log_days and run.log_mb say how much is kept."
        raise UsageError(f"The log of run {run.id} is not kept any more.", hint=hint) from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL, in a record that was altered
        raise UsageError(f"The log of run {run.id} cannot be read.", cause=str(error)) from error
