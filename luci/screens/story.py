"""What one action's events amount to, as a person would tell it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Literal

from luci import events
from luci.errors import Interrupted, LuciError, TimedOut
from luci.events import Event
from luci.screens.figures import count

State = Literal["working", "running", "done", "failed", "stopped"]

# what a step is called while it lasts, and when it is over
_PAST = {
    "planning": "planned",
    "building": "built",
    "installing": "installed",
    "running": "ran",
    "mending": "mended",
    "removing": "removed",
    "verifying": "verified",
    "measuring": "measured",
    "resolving": "resolved",
    "downloading": "downloaded",
    "looking": "looked",
    "asking": "asked",
}
_ONE_BY_ONE = ("resolving", "downloading", "installing")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done. `began` and `ended` are seconds of the caller's clock; no `ended` while it lasts."""

    name: str
    detail: str
    began: float
    ended: float | None = None
    failed: bool = False
    done: int = 0
    total: int = 0

    @property
    def shown(self) -> str:
        undone = self.ended is None or (self.failed and self.name != "running")
        return self.name if undone else _PAST.get(self.name, self.name)


@dataclass(frozen=True, slots=True)
class Remark:
    """A line that the person should see. `hint` says what to do about it."""

    text: str
    hint: str = ""
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """Immutable: `after` an event it is another one."""

    began: float
    state: State = "working"
    steps: tuple[Step, ...] = ()
    remarks: tuple[Remark, ...] = ()
    plan: dict[str, Any] | None = None
    wall: str = ""  # the one in force
    gives: tuple[str, ...] = ()  # what it holds, and what it does not
    lacks: tuple[str, ...] = ()
    new_environment: bool | None = None
    exit_code: int | None = None
    seconds: float = 0.0  # of the last attempt
    signal: int = 0
    timed_out: bool = False
    peak_bytes: int = 0
    failure: events.Failed | None = None
    error: LuciError | None = None
    pictures: tuple[str, ...] = ()  # paths of images that it made
    perhaps: frozenset[str] = frozenset()  # those of them that another run may have made
    ended: float | None = None

    @property
    def is_over(self) -> bool:
        return self.ended is not None

    @property
    def last(self) -> Step | None:
        return self.steps[-1] if self.steps else None

    @property
    def mendings(self) -> Story:
        """Nothing but what was missing and what was added: of a run that is over and went well, that is the news."""
        return replace(self, steps=tuple(step for step in self.steps if step.name == "mending"))

    @property
    def _is_mending(self) -> bool:
        return bool(self.steps) and self.steps[-1].name == "mending" and self.steps[-1].ended is None

    @property
    def planned(self) -> str:
        """The plan in one line.

        >>> Story(0, plan={"requirements": ["rich"], "python": "3.12.1"}, new_environment=True).planned
        '1 package · Python 3.12 · new environment'
        """
        if self.plan is None:
            return ""
        parts = [
            count(len(_wanted(self.plan)), "package"),
            f"Python {'.'.join(self.plan['python'].split('.')[:2])}",
        ]
        if self.plan.get("as_of"):
            parts.append(f"as of {self.plan['as_of']}")
        if (kind := self.plan.get("kind", "venv")) != "venv":
            parts.append(kind)
        if self.wall:
            parts.append(f"behind {self.wall}")
        if self.new_environment is not None:
            parts.append("new environment" if self.new_environment else "reused environment")
        return " · ".join(parts)

    @property
    def outcome(self) -> str:
        """How it ended, in a word or two; empty while it lasts."""
        if not self.is_over:
            return ""
        if self.state == "stopped":
            return "stopped"
        if self.timed_out or isinstance(self.error, TimedOut):
            return "timed out"
        if self.signal:
            return f"ended by signal {self.signal}"
        if self.exit_code is not None:
            return f"exit {self.exit_code}"
        return "failed" if self.error else ""

    def after(self, event: Event, now: float) -> Story:
        match event:
            case events.Working(step, detail):
                told = replace(self, state="working")._begun(step, detail, now)
                done, total = getattr(event, "done", 0), getattr(event, "total", 0)
                return told._with_last(done=done or 0, total=total or 0)
            case events.Reached(done, total, subject):
                return self._with_last(done=done, total=total, detail=subject)
            case events.Planned(plan):
                told = self._mended(self.plan, plan)
                if told.last and told.last.name == "planning":
                    told = told._with_last(detail=", ".join(_wanted(plan)) or "nothing to install")._over(
                        "planning", now
                    )
                return replace(told, plan=plan)._behind(plan.get("wall", {}))
            case events.Walled(wall, gives, lacks):
                return replace(self, wall=wall, gives=gives, lacks=lacks)
            case events.Built(packages=packages):
                new = replace(self, new_environment=True)
                if new._is_mending:
                    return new
                number = count(packages, "package")
                return new._over("", now)._with_last(detail=number)._with_named("resolving", number)
            case events.Reused():
                kept = replace(self, new_environment=bool(self.new_environment))
                return kept if kept._is_mending else kept._over("", now)
            case events.Started():
                return replace(self, state="running")._begun("running", "", now, again=True)
            case events.Ended(exit_code, seconds, signal, timed_out, peak):
                over = self._over("running", now, failed=exit_code != 0)
                over = over._with_last(detail="" if exit_code == 0 else f"exit {exit_code}")
                return replace(
                    over,
                    state="working",
                    exit_code=exit_code,
                    seconds=seconds,
                    signal=signal,
                    timed_out=timed_out,
                    peak_bytes=peak or 0,
                )
            case events.Missing(module, file, line):
                place = f" ({PurePath(file).name}:{line})" if file else ""
                return self._begun("mending", f"{module} was missing{place}", now, again=True)
            case events.Retrying():
                return replace(self._over("", now), failure=None)
            case events.Failed():
                return replace(self, failure=event)
            case events.Pictured(files, perhaps):
                files = tuple(dict.fromkeys([*self.pictures, *files]))
                return replace(self, pictures=files, perhaps=self.perhaps.union(perhaps))
            case events.Told(text):
                if self._is_mending and self.steps[-1].detail.rpartition(" (")[2] in text:
                    return self._with_last(detail=text.rstrip("."))  # what was missing, in more words
                return self if self._has_said(text) else replace(self, remarks=(*self.remarks, Remark(text)))
            case events.Warned(text, hint):
                return replace(self, remarks=(*self.remarks, Remark(text, hint, warning=True)))
        return self

    def _has_said(self, text: str) -> bool:
        """Whether a remark gave the same reason, which follows a colon, in other words before it."""
        _, colon, reason = text.rstrip(".").partition(": ")
        return bool(colon) and any(remark.text.rstrip(".").endswith(f": {reason}") for remark in self.remarks)

    def finished(self, result: Any, error: LuciError | None, now: float, *, stopped: bool = False) -> Story:
        """The end. `stopped`: a person wanted it, so that what went wrong then is no failure."""
        exit_code = result if isinstance(result, int) and self.plan is not None else self.exit_code
        failed = error is not None or exit_code not in (None, 0)
        stopped = stopped or isinstance(error, Interrupted)
        state: State = "stopped" if stopped else "failed" if failed else "done"
        over = self._over("", now, failed=failed)
        if stopped:
            over = replace(over, failure=None, remarks=())
        return replace(over, state=state, exit_code=exit_code, error=None if stopped else error, ended=now)

    def _begun(self, name: str, detail: str, now: float, *, again: bool = False) -> Story:
        last = self.last
        if last and last.name == name and last.ended is None and not again:
            return self._with_last(detail=detail)
        if self._is_mending and not again:
            return self  # planning, building: all of it is the mending
        return replace(self._over("", now), steps=(*self._over("", now).steps, Step(name, detail, now)))

    def _over(self, name: str, now: float, *, failed: bool = False) -> Story:
        """End the last step, if it is `name` (any, where that is empty)."""
        last = self.last
        if last is None or last.ended is not None or (name and last.name != name):
            return self
        if last.name in _ONE_BY_ONE and not failed:  # what came last of many says nothing of them all
            return self._with_last(ended=now, detail=count(last.total, "package") if last.total else "")
        return self._with_last(ended=now, failed=failed)

    def _with_last(self, **changes: Any) -> Story:
        if not self.steps:
            return self
        return replace(self, steps=(*self.steps[:-1], replace(self.steps[-1], **changes)))

    def _behind(self, wall: dict[str, Any]) -> Story:
        if wall.get("name", "off") == "off":
            return self
        return replace(self, wall=wall["name"], gives=tuple(wall["gives"]), lacks=tuple(wall["lacks"]))

    def _with_named(self, name: str, detail: str) -> Story:
        return replace(self, steps=tuple(replace(s, detail=detail) if s.name == name else s for s in self.steps))

    def _mended(self, before: dict[str, Any] | None, now: dict[str, Any]) -> Story:
        """Where this plan follows a failure: say what it has that the last one had not."""
        if before is None or not self._is_mending:
            return self
        added = [line for line in now["requirements"] if line not in before["requirements"]]
        reasons = {line: choice["reason"] for choice in now["choices"] for line in choice["requirements"]}
        told = [f"added {line}" + (f" ({reasons[line]})" if reasons.get(line) else "") for line in added]
        if now["python"] != before["python"]:
            told.append(f"Python {now['python']}")
        return self._with_last(detail=f"{self.steps[-1].detail}: {', '.join(told)}") if told else self


def _wanted(plan: dict[str, Any]) -> list[str]:
    return [line.partition(" --hash")[0] for line in (*plan.get("conda", ()), *plan["requirements"])]
