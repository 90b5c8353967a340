"""The live output of what runs: a tab for each run, a line that says how it stands, and what can be done with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input, Static, Tab, Tabs
from textual.worker import get_current_worker

from luci.screens.jobs import Job
from luci.screens.live import Live
from luci.screens.plain import harmless
from luci.terminals import Terminal

_MOST_MATCHES = 1_000_000


class Field(Input):
    """One line to type what is searched for, or where to save."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Go"),
        Binding("escape", "leave", "Back"),
    ]

    class Left(Message):
        """It is not wanted after all."""

    def action_leave(self) -> None:
        self.post_message(self.Left())


class Output(Widget):
    """The runs' terminals. Which run a gesture is meant for is told by its job; nothing is stopped or started here."""

    class StopRequested(Message):
        def __init__(self, job: Job) -> None:
            self.job = job
            super().__init__()

    class RestartRequested(Message):
        def __init__(self, job: Job) -> None:
            self.job = job
            super().__init__()

    class EditRequested(Message):
        """Open a file at a line in the person's editor. Where no line is known: line 0 of the script."""

        def __init__(self, job: Job, path: str, line: int) -> None:
            self.job, self.path, self.line = job, path, line
            super().__init__()

    class Waiting(Message):
        """A script began to wait for input, or no longer does. `hidden`: what is typed does not show."""

        def __init__(self, job: Job, waiting: bool, hidden: bool) -> None:
            self.job, self.waiting, self.hidden = job, waiting, hidden
            super().__init__()

    def __init__(self, *, id: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._runs: dict[Job, _Run] = {}
        self._count = 0
        self._asked = ""  # what the field is for: find or save

    def compose(self) -> ComposeResult:
        yield Tabs(id="output-tabs")
        yield ContentSwitcher(id="output-views")
        yield Static("What runs shows here.", id="output-empty")
        with Horizontal(id="output-asked"):
            yield Static(id="output-label")
            yield Field(id="output-field", compact=True)
        yield Static(id="output-state")

    def on_mount(self) -> None:
        self.set_interval(1.0, self._tell)
        self._tell()

    # -- what the app says

    def add(self, job: Job, title: str, terminal: Terminal) -> None:
        """Show a run in a tab of its own, in front. Another attempt of a run that is shown goes on in its tab."""
        if not self._stands:
            return
        if job in self._runs:
            self.show(job)
            return
        self._count += 1
        name = f"run-{self._count}"
        run = _Run(job, harmless(title), terminal, Live(terminal, id=name), self._clock)
        self._runs[job] = run
        self.add_class("-used")
        self.query_one(ContentSwitcher).mount(run.view)
        self.query_one(Tabs).add_tab(Tab(run.label, id=name))
        self.show(job)

    def ended(self, job: Job, exit_code: int) -> None:
        if (run := self._runs.get(job)) and self._stands:
            run.exit_code, run.seconds = exit_code, run.age
            run.view.ended()
            self._tell()

    def show(self, job: Job) -> None:
        if run := self._runs.get(job):
            name = run.view.id
            self.query_one(ContentSwitcher).current = name
            self.query_one(Tabs).active = name or ""
            self._tell()

    @property
    def front(self) -> Live | None:
        """The view that keys are for."""
        return self._current.view if self._current else None

    def focus(self, scroll_visible: bool = True) -> Output:
        if run := self._current:
            run.view.focus(scroll_visible)
        return self

    # -- what the views say

    @on(Tabs.TabActivated)
    def _activated(self, event: Tabs.TabActivated) -> None:
        event.stop()
        self.query_one(ContentSwitcher).current = event.tab.id
        self._close_field()
        self._tell()

    @on(Live.Changed)
    def _changed(self, event: Live.Changed) -> None:
        event.stop()
        for run in self._runs.values():
            now = run.view.waiting, run.view.hidden
            if now != run.waited:
                run.waited = now
                self.post_message(self.Waiting(run.job, *now))
        self._tell()

    @on(Live.Wanted)
    def _wanted(self, event: Live.Wanted) -> None:
        event.stop()
        if not (run := self._current):
            return
        match event.what:
            case "find":
                self._ask("find", "Search for", run.view.query_text)
            case "save":
                self._ask("save", "Save to", f"{Path(run.title).stem or 'output'}.log")
            case "next" | "previous" as way:
                self._step(run, 1 if way == "next" else -1)
            case "stop":
                self.post_message(self.StopRequested(run.job))
            case "restart":
                self.post_message(self.RestartRequested(run.job))
            case "edit":
                found = run.terminal.output.failing_line() if run.terminal.output else None
                script = str(getattr(run.job.request, "script", ""))
                self.post_message(self.EditRequested(run.job, *(found or (script, 0))))

    # -- search and save

    def _ask(self, what: str, label: str, value: str) -> None:
        field = self.query_one(Field)
        self._asked, field.value = what, value
        self.query_one("#output-label", Static).update(label)
        self.add_class("-asking")
        field.focus()
        field.action_select_all()

    def _close_field(self) -> None:
        if self.has_class("-asking"):
            self.remove_class("-asking")
            self.focus()

    @on(Field.Left)
    def _left(self, event: Field.Left) -> None:
        event.stop()
        self._close_field()

    @on(Input.Submitted, "#output-field")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_field()
        if not (run := self._current):
            return
        if self._asked == "save" and event.value:
            self._save(run, Path(event.value).expanduser())
        elif self._asked == "find":
            run.view.query_text = event.value
            run.matches, run.searching = [], bool(event.value)
            run.view.refresh()
            run.view.refresh_bindings()
            if event.value:
                self._search(run, event.value)
            self._tell()

    @work(thread=True, exclusive=True, group="search")
    def _search(self, run: _Run, text: str) -> None:
        worker = get_current_worker()
        matches: list[int] = []
        if run.terminal.output:
            for found in run.terminal.output.search(text, lambda: worker.is_cancelled):
                matches += found
                if len(matches) > _MOST_MATCHES:
                    break
        if not worker.is_cancelled:
            self.app.call_from_thread(self._found, run, text, matches)

    def _found(self, run: _Run, text: str, matches: list[int]) -> None:
        if run.view.query_text == text:
            run.matches, run.searching = matches, False
            before = [number for number, offset in enumerate(matches) if offset < run.view.first_line]
            run.match = before[-1] if before else 0
            if matches:
                run.view.show_line(matches[run.match])
            self._tell()

    def _step(self, run: _Run, by: int) -> None:
        if run.matches:
            run.match = (run.match + by) % len(run.matches)
            run.view.show_line(run.matches[run.match])
            self._tell()

    @work(thread=True, group="save")
    def _save(self, run: _Run, target: Path) -> None:
        worker = get_current_worker()
        try:
            if run.terminal.output:
                run.terminal.output.save(target, as_shown=target.suffix != ".ansi", stop=lambda: worker.is_cancelled)
        except OSError as error:
            self.app.call_from_thread(self.notify, f"{target}: {error.strerror}", severity="error", markup=False)
        else:
            self.app.call_from_thread(self.notify, f"Saved to {target}", markup=False)

    # -- how it stands

    @property
    def _current(self) -> _Run | None:
        name = self.query_one(ContentSwitcher).current
        return next((run for run in self._runs.values() if run.view.id == name), None)

    @property
    def _stands(self) -> bool:
        """Whether all of the pane is there: an app that is being taken down takes the parts before the whole."""
        return self.is_mounted and self.is_running and self.app.is_running

    def _tell(self) -> None:
        if not self._stands:
            return
        state = self.query_one("#output-state", Static)
        run = self._current
        state.set_class(bool(run and run.view.waiting), "-waiting")
        state.set_class(bool(run and run.exit_code), "-failed")
        state.update(run.state if run else Text(""))
        tabs = self.query_one(Tabs)
        for each in self._runs.values():
            if each.told != (label := each.label):
                each.told = label
                for tab in tabs.query(f"#{each.view.id}").results(Tab):
                    tab.label = label


class _Run:
    """A tab: the run, its view, and what was searched for in it."""

    def __init__(self, job: Job, title: str, terminal: Terminal, view: Live, clock: Callable[[], float]) -> None:
        self.job, self.title, self.terminal, self.view, self.clock = job, title, terminal, view, clock
        self.began = clock()
        self.exit_code: int | None = None
        self.seconds = 0.0
        self.waited = (False, False)
        self.matches: list[int] = []
        self.match = 0
        self.searching = False
        self.told: str = ""

    @property
    def age(self) -> float:
        return self.clock() - self.began

    @property
    def label(self) -> str:
        if self.exit_code is not None:
            sign = "✘" if self.exit_code else "✔"
        else:
            sign = "?" if self.view.waiting else "●"
        return f"{sign} {self.title}"

    @property
    def state(self) -> Text:
        return Text(" · ".join(part for part in (self._life, self._place, self._search, self.terminal.trouble) if part))

    @property
    def _life(self) -> str:
        if self.exit_code is not None:
            return f"exit code {self.exit_code} after {_duration(self.seconds)}"
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
