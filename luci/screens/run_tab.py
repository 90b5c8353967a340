"""What the output pane knows of one run: its view, how it stands, and what was searched for in it."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from luci.screens.jobs import Job
from luci.screens.live import Live
from luci.terminals import Terminal


class RunTab:
    """A tab: the run, its view, and what was searched for in it."""

    def __init__(self, job: Job, title: str, terminal: Terminal, view: Live, clock: Callable[[], float]) -> None:
        self.job, self.title, self.terminal, self.view, self.clock = job, title, terminal, view, clock
        self.began = clock()
        self.exit_code: int | None = None
        self.seconds = 0.0
        self.waited = (False, False, False)
        self.matches: list[int] = []
        self.match = 0
        self.searching = False
        self.told: str = ""
        self.is_open = True

    @property
    def age(self) -> float:
        return self.clock() - self.began

    @property
    def label(self) -> str:
        if self.exit_code is not None:
            sign = "✗" if self.exit_code else "✓"
        else:
            sign = "‖" if self.view.stopped else "?" if self.view.waiting else "●"
        return f"{sign} {self.title}"

    @property
    def state(self) -> Text:
        return Text(" · ".join(part for part in (self._life, self._place, self._search, self.terminal.trouble) if part))

    @property
    def _life(self) -> str:
        if self.exit_code is not None:
            return f"exit code {self.exit_code} after {_duration(self.seconds)}"
        if self.view.stopped:
            return "stopped by a signal; c lets it go on"
        if self.view.hidden:
            return "waits for your input, which will not show"
        if self.view.waiting:
            return "waits for your input"
        return f"running {_duration(self.age)}"

    @property
    def _place(self) -> str:
        if self.view.following:
            return ""
        top, last = self.view.line
        line = f" at line {top:,} of {last:,}" if top and last else ""
        return f"held{line}" + (f", {_size(self.view.below)} came since" if self.view.below else "")

    @property
    def _search(self) -> str:
        if not self.view.query_text:
            return ""
        if self.searching:
            return "searching"
        if not self.matches:
            return f"{self.view.query_text!r} is not in it"
        return f"match {self.match + 1:,} of {len(self.matches):,}"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count} {unit}"
        count //= 1000
    return f"{count} GB"
