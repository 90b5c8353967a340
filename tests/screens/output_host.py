"""A small app that has nothing but the output pane, and runs scripts in it for real."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual import on
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Footer

import luci.screens
from luci.config import Settings
from luci.runner.request import RunRequest
from luci.screens.jobs import Job
from luci.screens.live import Live
from luci.screens.output import Output
from luci.terminals import Terminal

PATIENCE = 60  # seconds until a fact that must come true is given up


class Host(App[None]):
    """Keeps the messages of the pane; stops what is to be stopped."""

    CSS_PATH = Path(luci.screens.__file__).with_name("output.tcss")

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []
        self.jobs: list[Job] = []
        self.copied: list[str] = []
        self.now = 0.0  # what time the pane takes it to be: each run has begun 3.2 seconds ago

    def compose(self) -> ComposeResult:
        yield Output(clock=lambda: self.now)
        yield Footer()

    def launch(self, script: Path) -> Job:
        terminal = Terminal()
        job = Job(self, "run", RunRequest(str(script), terminal=terminal), Settings())
        self.jobs.append(job)
        self.now = 0.0
        self.output.add(job, script.name, terminal)
        self.now = 3.2
        self.call_after_refresh(self.output.focus)
        return job.start()

    @property
    def output(self) -> Output:
        return self.query_one(Output)

    @property
    def live(self) -> Live:
        """The view in front."""
        return next(view for view in self.query(Live) if view.display and view.parent and view.parent.display)

    @property
    def state(self) -> str:
        return str(self.query_one("#output-state").render())

    def shows(self, text: str) -> bool:
        return text in self.live.visible_text()

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)
        super().copy_to_clipboard(text)

    @on(Job.Finished)
    def finished(self, event: Job.Finished) -> None:
        if self.screen_stack:  # else the app is about to be gone
            self.output.ended(event.job, event.result if event.error is None else 1)

    @on(Output.StopRequested)
    def stop_job(self, event: Output.StopRequested) -> None:
        self.heard.append(event)
        event.job.stop()

    @on(Output.RestartRequested)
    @on(Output.EditRequested)
    @on(Output.Waiting)
    def hear(self, event: Message) -> None:
        self.heard.append(event)

    async def on_unmount(self) -> None:
        for job in self.jobs:
            job.stop()
        for job in self.jobs:
            await asyncio.to_thread(job.wait, PATIENCE)
            with contextlib.suppress(AttributeError):
                job.request.terminal.close()


async def until(pilot: Pilot[Any], fact: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(StopIteration, LookupError):
            if fact():
                break
        assert time.monotonic() < deadline, f"the fact never came; the screen:\n{seen(pilot.app)}"
        await pilot.pause(0.02)


def seen(app: App[Any]) -> str:
    return "\n".join(view.visible_text() for view in app.query(Live))
