"""The live output of what runs: a tab for each run, a line that says how it stands, and what can be done with it."""

from __future__ import annotations

import gc
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
from luci.screens.run_tab import RunTab
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
        """A script began to wait, or no longer does: for input (`hidden`: what is typed does not show), or, `stopped`
        by a signal, to be woken."""

        def __init__(self, job: Job, waiting: bool, hidden: bool, stopped: bool) -> None:
            self.job, self.waiting, self.hidden, self.stopped = job, waiting, hidden, stopped
            super().__init__()

    def __init__(self, *, id: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._runs: dict[Job, RunTab] = {}
        self._count = 0
        self._asked = ""  # what the field is for: find or save
        self._told: Text | None = None  # how it stands, as last drawn

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
        self.call_after_refresh(gc.freeze)  # else what is there by now is looked through while a script streams: 50 ms

    # -- what the app says

    def add(self, job: Job, title: str, terminal: Terminal) -> None:
        """Show a run in a tab of its own, in front. Another attempt of a run that is shown goes on in its tab."""
        if not self._stands:
            return
        if job in self._runs:
            self.show(job)
            return
        self._runs[job] = RunTab(job, harmless(title), terminal, self._view(terminal), self._clock)
        self._open(self._runs[job])
        self.show(job)

    def _view(self, terminal: Terminal) -> Live:
        self._count += 1
        return Live(terminal, id=f"run-{self._count}")

    def _open(self, run: RunTab) -> None:
        self.add_class("-used")
        self.query_one(ContentSwitcher).mount(run.view)
        self.query_one(Tabs).add_tab(Tab(run.label, id=run.view.id))

    def ended(self, job: Job, exit_code: int) -> None:
        if (run := self._runs.get(job)) and self._stands:
            run.exit_code, run.seconds = exit_code, run.age
            run.view.ended()
            self._tell()

    def show(self, job: Job) -> None:
        if run := self._runs.get(job):
            if not run.is_open:
                run.is_open, run.view = True, self._view(run.terminal)
                run.view.ended()
                self._open(run)
            name = run.view.id
            self.query_one(ContentSwitcher).current = name
            self.query_one(Tabs).active = name or ""
            self._tell()

    def close(self, job: Job) -> None:
        """Take the tab of a run that is over away; `show` brings it back."""
        run = self._runs.get(job)
        if not run or not run.is_open or run.exit_code is None:
            return
        opened = self._opened
        at, run.is_open = opened.index(run), False
        run.view.remove()
        self.query_one(Tabs).remove_tab(run.view.id or "")
        left = opened[:at] + opened[at + 1 :]
        self.set_class(bool(left), "-used")
        if left:
            self.show(left[max(0, at - 1)].job)
            self.focus()

    def forget(self, job: Job) -> None:
        """Nobody will ask for a run that is over any more."""
        self.close(job)
        if (run := self._runs.get(job)) and run.exit_code is not None:
            del self._runs[job]
            run.terminal.close()

    @property
    def _opened(self) -> list[RunTab]:
        return [run for run in self._runs.values() if run.is_open]

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
        if not any(run.view.id == event.tab.id for run in self._opened):
            return  # it was closed meanwhile
        self.query_one(ContentSwitcher).current = event.tab.id
        self._close_field()
        self._tell()

    @on(Live.Changed)
    def _changed(self, event: Live.Changed) -> None:
        event.stop()
        for run in self._runs.values():
            now = run.view.waiting, run.view.hidden, run.view.stopped
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
            case "later" | "earlier" as way:
                opened = self._opened
                self.show(opened[(opened.index(run) + (1 if way == "later" else -1)) % len(opened)].job)
                self.focus()
            case "close":
                self.close(run.job)
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
    def _search(self, run: RunTab, text: str) -> None:
        worker = get_current_worker()
        matches: list[int] = []
        if run.terminal.output:
            for found in run.terminal.output.search(text, lambda: worker.is_cancelled):
                matches += found
                if len(matches) > _MOST_MATCHES:
                    break
        if not worker.is_cancelled:
            self.app.call_from_thread(self._found, run, text, matches)

    def _found(self, run: RunTab, text: str, matches: list[int]) -> None:
        if run.view.query_text == text:
            run.matches, run.searching = matches, False
            before = [number for number, offset in enumerate(matches) if offset < run.view.first_line]
            run.match = before[-1] if before else 0
            if matches:
                run.view.show_line(matches[run.match])
            self._tell()

    def _step(self, run: RunTab, by: int) -> None:
        if run.matches:
            run.match = (run.match + by) % len(run.matches)
            run.view.show_line(run.matches[run.match])
            self._tell()

    @work(thread=True, group="save")
    def _save(self, run: RunTab, target: Path) -> None:
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
    def _current(self) -> RunTab | None:
        name = self.query_one(ContentSwitcher).current
        return next((run for run in self._opened if run.view.id == name), None)

    @property
    def _stands(self) -> bool:
        """Whether all of the pane is there: an app that is being taken down takes the parts before the whole."""
        return self.is_mounted and self.is_running and self.app.is_running

    def _tell(self) -> None:
        if not self._stands:
            return
        state = self.query_one("#output-state", Static)
        run = self._current
        state.set_class(bool(run and (run.view.waiting or run.view.stopped)), "-waiting")
        state.set_class(bool(run and run.exit_code), "-failed")
        told = run.state if run else Text("")
        if told != self._told:
            self._told = told
            state.update(told, layout=state.content_size.height != 1 or told.cell_len > state.content_size.width)
        tabs = self.query_one(Tabs)
        for each in self._opened:
            if each.told != (label := each.label):
                each.told = label
                for tab in tabs.query(f"#{each.view.id}").results(Tab):
                    tab.label = label
