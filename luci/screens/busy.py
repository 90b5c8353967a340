"""A pane that has things done for it, in the background."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.widget import Widget

from luci.config import Settings
from luci.errors import LuciError
from luci.events import Event
from luci.screens.jobs import Job


class Busy(Widget):
    """Has one job at a time for each purpose; what it hears of them it tells by `heard`, `took` and `failed`."""

    def __init__(self, settings: Settings, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.settings = settings
        self.jobs: dict[str, Job] = {}  # those that run, by what they are for

    def begin(self, purpose: str, name: str, request: Any) -> None:
        """Perform an action, in the place of what was being done for the same purpose."""
        if before := self.jobs.get(purpose):
            before.stop()
        self.jobs[purpose] = Job(self, name, request, self.settings, together=True).start()

    def heard(self, purpose: str, event: Event) -> None:
        """It said something."""

    def took(self, purpose: str, job: Job, result: Any) -> None:
        """It is over, with this result."""

    def failed(self, purpose: str, job: Job, error: LuciError) -> None:
        """It is over, and there is no result."""

    def on_unmount(self) -> None:
        for job in self.jobs.values():
            job.stop()

    def _purpose(self, job: Job) -> str:
        return next((purpose for purpose, running in self.jobs.items() if running is job), "")

    @on(Job.SaidMuch)
    def _hear(self, said: Job.SaidMuch) -> None:
        said.stop()
        purpose = self._purpose(said.job)
        for event in said.job.heard():
            self.heard(purpose, event)

    @on(Job.Finished)
    def _end(self, finished: Job.Finished) -> None:
        finished.stop()
        purpose = self._purpose(finished.job)
        if not purpose:
            return  # another has taken its place
        del self.jobs[purpose]
        if finished.error:
            self.failed(purpose, finished.job, finished.error)
        else:
            self.took(purpose, finished.job, finished.result)
