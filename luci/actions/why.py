"""Why the last run failed, as far as that is known without asking anyone."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from luci import runs
from luci.context import Context
from luci.errors import LuciError, UsageError
from luci.events import Event, Failed
from luci.runner.failure import failed
from luci.runner.script import read_script
from luci.runs import Run
from luci.values import Value

_TAIL = 64_000  # bytes of a log that hold its end


class WhyRequest(Value):
    """`selector` is a run's id, or "" for the last one that failed."""

    selector: str = ""


class Reason(Value):
    """Why a run failed. `lines` say it in words; `failed` is where, if an exception ended it."""

    run: Run
    lines: tuple[str, ...]
    failed: Failed | None = None

    def as_dict(self) -> dict[str, Any]:
        where = self.failed.as_dict() if self.failed else None
        return {"run": self.run.as_dict(), "lines": list(self.lines), "failed": where}


def why(request: WhyRequest, context: Context) -> Generator[Event, None, Reason]:
    """Raises UsageError where no run failed, or where nothing was kept of it."""
    yield from ()
    run = runs.find(request.selector) if request.selector else _last_failed()
    if run.exit_code is None:
        raise UsageError(f"Nobody saw the end of run {run.id}.", hint="`luci run --record SCRIPT` keeps its output.")
    if run.exit_code == 0:
        return Reason(run, ("It ended well.",))
    found = _failure(run)
    return Reason(run, tuple(_words(run, found)), found)


def _last_failed() -> Run:
    for run in runs.latest(200):
        if run.exit_code:
            return run
    raise UsageError("No run that luci saw the end of has failed.", hint="`luci run --record SCRIPT` watches one.")


def _failure(run: Run) -> Failed | None:
    if not run.log:
        return None
    try:
        with Path(run.log).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            written = file.read().decode("utf-8", "replace")
        return failed(written, read_script(run.script, "folder" if Path(run.script).is_dir() else "file"))
    except (OSError, LuciError):  # the log or the script is gone: what is known is told without
        return None


def _words(run: Run, found: Failed | None) -> list[str]:
    code = run.exit_code or 0
    lines = [f"{run.script} ended with exit code {code} after {run.seconds or 0:.1f} s."]
    if code == 124:
        lines.append("Its time was over.")
    elif code == 137:
        lines.append("It was killed; often that is for want of memory.")
    elif code > 128:
        lines.append(f"Signal {code - 128} ended it.")
    if run.wall and run.wall != "off":
        lines.append(f"It was behind {run.wall}" + (f": {', '.join(run.limits)}." if run.limits else "."))
    if found:
        where = f" at {found.file}, line {found.line}" if found.file else ""
        lines.append(f"{found.error}{where}")
        numbered = enumerate(found.excerpt, start=found.first)
        lines += [f"{'>' if number == found.line else ' '}{number:>5}  {line}" for number, line in numbered]
    elif not run.log:
        lines.append("Its output was not kept; `luci run --record` keeps it.")
    return lines
