"""What stands in the conversation for something that is done: a card, or a dialogue with the assistant."""

from __future__ import annotations

from typing import Literal

from textual.containers import Vertical
from textual.message import Message

from luci.screens.jobs import Job


class Doing(Vertical, can_focus=True):
    """`heading` is what it is about; `job` does it, from `begin` on. The job's messages come here first."""

    class StopRequested(Message):
        """What is done is to end."""

        def __init__(self, job: Job) -> None:
            self.job = job
            super().__init__()

    class CodeRequested(Message):
        """The code of an answer is to be run, or to be saved in a file, or that and edited."""

        def __init__(self, code: str, use: Literal["run", "save", "edit"]) -> None:
            self.code, self.use = code, use
            super().__init__()

    class Status(Message):
        """Who answers, in which session, and what that takes: tokens of the context, and US dollars since last told."""

        def __init__(self, session: str, model: str, context: int, cost: float) -> None:
            self.session, self.model, self.context, self.cost = session, model, context, cost
            super().__init__()

    def __init__(self, heading: str) -> None:
        super().__init__()
        self.heading = heading
        self.job: Job | None = None

    @property
    def is_run(self) -> bool:
        """Whether it is the run of a script, with an output of its own."""
        return self.job is not None and self.job.name == "run"

    @property
    def is_over(self) -> bool:
        raise NotImplementedError

    @property
    def is_waiting(self) -> bool:
        """Whether it is to begin when something else is over."""
        return False

    def begin(self, job: Job) -> None:
        self.job = job
        job.start()
