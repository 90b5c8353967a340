"""The environments: a table of all, one in detail, and what can be done with them.

The app lists environments.tcss among its style sheets, answers Job.Asked, and acts on ShellRequested and RunRequested.
"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from luci.actions.envs import EnvRequest
from luci.actions.exports import ExportRequest
from luci.actions.updates import UpdateRequest
from luci.config import Settings
from luci.errors import EnvError, Interrupted, LuciError, Refused
from luci.events import Built, Event, Measured, Reached, Told, Warned, Working
from luci.screens.busy import Busy
from luci.screens.env_detail import EnvDetail
from luci.screens.env_disk import DiskBar
from luci.screens.env_export import ExportForm
from luci.screens.env_filter import EnvFilter
from luci.screens.env_prune import PrunePreview
from luci.screens.env_rows import abilities, row
from luci.screens.env_scripts import ScriptChoice
from luci.screens.env_status import EnvStatus, environments, updated, verified
from luci.screens.env_table import EnvTable
from luci.screens.figures import count, duration
from luci.screens.jobs import Job
from luci.screens.plain import harmless

NARROW = 110  # cells; below, the detail takes the place of the table
SETTLED = 0.12  # seconds that the cursor rests before an environment is read
CHANGING = ("env remove", "env prune", "env rebuild", "env update")
EMPTY = """No environments yet.

Run a script, as in  run FILE.py
luci makes the environment that it needs, and keeps it here."""


class Environments(Busy):
    """Shows what the actions tell, and asks for actions; it decides nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter"),
        Binding("d,delete", "remove", "Remove"),
        Binding("p", "prune", "Prune"),
        Binding("v", "verify", "Verify", show=False),
        Binding("b", "rebuild", "Rebuild", show=False),
        Binding("u", "update", "Update"),
        Binding("U", "undo", "Take an update back", show=False),
        Binding("e", "export", "Export", show=False),
        Binding("t", "shell", "Shell"),
        Binding("r", "run", "Run", show=False),
        Binding("c", "copy", "Copy activation", show=False),
        Binding("f5", "reload", "Reload", show=False),
        Binding("escape", "back", "Back", show=False),
    ]

    @dataclass
    class ShellRequested(Message):
        """A shell in an environment: `argv` opens it in the terminal it is started in, and ends with its exit code."""

        key: str
        label: str
        argv: tuple[str, ...]

    @dataclass
    class RunRequested(Message):
        """The person wants to run the script of an environment."""

        path: str

    def __init__(self, settings: Settings, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(settings, id=id, classes=classes)
        self.told: dict[str, dict[str, Any]] = {}
        self.measured: dict[str, tuple[int, int]] = {}  # key -> bytes it takes, bytes it would free
        self.reached: Reached | None = None  # of the work that is done, if it is on several
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="envs-top"):
            yield DiskBar(id="envs-disk")
        yield EnvFilter(id="envs-filter-line")
        with Horizontal(id="envs-body"):
            yield EnvTable(id="envs-table")
            yield EnvDetail(id="envs-detail")
            yield Static(EMPTY, id="envs-empty")
        yield EnvStatus(id="envs-status", markup=False)

    def on_mount(self) -> None:
        self.table.placeholder = "Reading…"
        self.reload()

    def on_resize(self) -> None:
        self.set_class(self.size.width < NARROW, "-narrow")
        self._look_soon()

    def focus(self, scroll_visible: bool = True) -> Environments:
        self.table.focus(scroll_visible)
        return self

    @property
    def front(self) -> EnvTable:
        """The part that keys are for."""
        return self.table

    @property
    def table(self) -> EnvTable:
        return self.query_one(EnvTable)

    @property
    def detail(self) -> EnvDetail:
        return self.query_one(EnvDetail)

    @property
    def status(self) -> EnvStatus:
        return self.query_one(EnvStatus)

    # -- what is done for it

    @property
    def unfinished(self) -> str:
        """What is being done to environments, for who is about to leave; nothing where nothing is."""
        work = self.jobs.get("work")
        return f"{work.name} is stopped; what is there stays as it is" if work else ""

    def work(self, name: str, request: Any) -> None:
        """Do what changes something or takes long, one thing at a time."""
        if "work" in self.jobs:
            self.notify("One thing is being done already; esc stops it.", severity="warning")
            return
        self.status.say("")
        self.reached = None
        self.begin("work", name, request)

    def heard(self, purpose: str, event: Event) -> None:
        match event:
            case Measured(key, bytes, freed):
                self.measured[key] = bytes, freed
                self.table.measured(key, bytes, freed)
            case _ if purpose != "work":
                return
            case Reached(subject=subject):
                self.reached = event
                self.status.progress(Working("", subject), event)
            case Working():
                self.status.progress(event, self.reached)
            case Built(_, _, seconds, packages):
                self.status.say(f"Built with {count(packages, 'package')} in {duration(seconds)}.")
            case Told(text) | Warned(text):
                self.notify(harmless(text), markup=False)

    def failed(self, purpose: str, job: Job, error: LuciError) -> None:
        if isinstance(error, (Interrupted, Refused)):
            self.status.say("Stopped." if isinstance(error, Interrupted) else error.message)
        elif purpose == "inspect" and isinstance(error, EnvError):  # it is gone meanwhile
            self.detail.show({})
        else:
            told = (error.message, error.cause, error.hint)
            self.status.say("\n".join(text for text in told if text), failed=True)
        self._over(job)

    def took(self, purpose: str, job: Job, result: Any) -> None:
        match job.name:
            case "env list":
                self.show(result)
            case "env stats":
                self.query_one(DiskBar).show(result)
                self.table.settle()
            case "env inspect":
                self.detail.show(result)
            case "env verify":
                self.status.say(verified(result), failed=any(result.values()))
            case "env rebuild":
                self.status.say(f"Built again: {', '.join(env['label'] for env in result)}.")
            case "env update":
                self.status.say(updated(result))
            case "env export":
                self.status.say(f"Wrote {', '.join(written.path for written in result)}.")
            case "env remove":
                self.table.unmark()
                self.status.say(f"Removed {environments(len(result))}.")
            case "env prune" if job.request.dry_run:
                self._preview(result)
            case "env prune":
                self.status.say(f"Removed {environments(len(result))}.")
        self._over(job)

    def _over(self, job: Job) -> None:
        if job.name in CHANGING:
            self.reload()

    # -- the list

    def reload(self) -> None:
        """Read the environments again: something may have been built or removed."""
        self.begin("list", "env list", EnvRequest())
        self.begin("measure", "env stats", EnvRequest())

    def action_reload(self) -> None:
        self.reload()

    def show(self, told: list[dict[str, Any]]) -> None:
        """Take the result of `env list`."""
        if not self.told:
            self.call_after_refresh(gc.freeze)  # else all of it is looked through again while a person moves: 100 ms
        self.told = {env["key"]: env for env in told}
        self.measured = {key: sizes for key, sizes in self.measured.items() if key in self.told}
        self.set_class(not told, "-empty")
        self.table.placeholder = "Nothing here matches the filter; esc clears it."
        self.table.show(row(env, self.measured.get(env["key"])) for env in told)
        self._look_soon()

    @on(EnvTable.Changed)
    def _count(self, changed: EnvTable.Changed) -> None:
        changed.stop()
        self.filter.tell(changed.shown, changed.total, changed.marked)

    @property
    def filter(self) -> EnvFilter:
        return self.query_one(EnvFilter)

    def action_filter(self) -> None:
        self.filter.line.focus()

    @on(EnvFilter.Changed)
    def _filter(self, changed: EnvFilter.Changed) -> None:
        changed.stop()
        self.table.filter(changed.text)

    @on(EnvFilter.Left)
    def _filtered(self, left: EnvFilter.Left) -> None:
        left.stop()
        self.table.focus()

    def action_back(self) -> None:
        """Stop what is being done; else one step back: the detail, the filter, the marks."""
        if "work" in self.jobs:
            self.jobs["work"].stop()
        elif self.has_class("-detail") or self.detail.has_focus:
            self.remove_class("-detail")
            self.table.focus()
        elif self.filter.is_used:
            self.filter.line.value = ""
            self.table.focus()
        elif self.table.marked:
            self.table.unmark()
        elif self.status.is_told:
            self.status.say("")
        else:
            raise SkipAction

    # -- one of them

    @on(EnvTable.Highlighted)
    def _highlighted(self, message: EnvTable.Highlighted) -> None:
        message.stop()
        self._look_soon()

    @on(EnvDetail.Left)
    def _left(self, message: EnvDetail.Left) -> None:
        message.stop()
        self.action_back()

    @on(EnvTable.Opened)
    def _opened(self, message: EnvTable.Opened) -> None:
        message.stop()
        self.add_class("-detail")
        self.look()
        self.detail.focus()

    def _look_soon(self) -> None:
        if self._rest:
            self._rest.stop()
        self._rest = self.set_timer(SETTLED, self.look)

    def look(self) -> None:
        """Read the environment under the cursor where its detail is on the screen."""
        if self.has_class("-narrow") and not self.has_class("-detail"):
            return
        if key := self.table.highlighted:
            if self.told[key]["state"] != "building":
                self.begin("inspect", "env inspect", EnvRequest((key,)))
        else:
            self.detail.show({})

    def action_copy(self) -> None:
        """Copy the line that activates it (OSC 52)."""
        if key := self.table.highlighted:
            line = self.told[key]["activate"]
            if line:
                self.app.copy_to_clipboard(line)
                self.notify(f"Copied: {harmless(line)}", markup=False)
            else:
                self.notify("This kind of environment cannot be activated; t opens a shell in it.", severity="warning")

    def action_shell(self) -> None:
        if key := self.table.highlighted:
            argv = (sys.executable, "-P", "-m", "luci", "env", "shell", key)
            self.post_message(self.ShellRequested(key, self.told[key]["label"], argv))

    def action_run(self) -> None:
        """Run the script of an environment; which one, a person says where there are several."""
        key = self.table.highlighted
        scripts = self.told[key]["runnable"] if key else []
        if len(scripts) > 1:
            self.app.push_screen(ScriptChoice(scripts), self._run)
        elif scripts:
            self._run(scripts[0])
        elif key:
            self.notify("No script that used it is there any more.", severity="warning")

    def _run(self, script: str | None) -> None:
        if script:
            self.post_message(self.RunRequested(script))

    # -- one or many of them

    def action_verify(self) -> None:
        self._on_chosen("env verify")

    def action_rebuild(self) -> None:
        self._on_chosen("env rebuild")

    def action_remove(self) -> None:
        self._on_chosen("env remove")

    def _on_chosen(self, name: str) -> None:
        if keys := self.table.chosen:
            self.work(name, EnvRequest(keys))

    def action_update(self) -> None:
        if keys := self.table.chosen:
            self.work("env update", UpdateRequest(keys))

    def action_undo(self) -> None:
        if keys := self.table.chosen:
            self.work("env update", UpdateRequest(keys, undo=True))

    def action_export(self) -> None:
        def write(request: ExportRequest | None) -> None:
            if request:
                self.work("env export", request)

        if keys := self.table.chosen:
            labels = tuple(self.told[key]["label"] for key in keys)
            can = [abilities(kind) for kind in {self.told[key]["kind"] for key in keys}]
            self.app.push_screen(ExportForm(keys, labels, frozenset.intersection(*can)), write)

    def action_prune(self) -> None:
        self.work("env prune", EnvRequest(dry_run=True))

    def _preview(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            self.status.say("Everything here is needed: there is nothing to prune.")
            return

        def prune(keys: tuple[str, ...] | None) -> None:
            if keys:
                self.work("env prune", EnvRequest(keys))

        self.status.say("")
        self.app.push_screen(PrunePreview(rows), prune)
