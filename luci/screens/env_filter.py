"""Where a person types what the table of environments is narrowed to."""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class EnvFilter(Horizontal):
    """The line of the filter, and how many environments it leaves."""

    class Changed(Message):
        """Something else is typed."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    class Left(Message):
        """The person goes on to the table."""

    def compose(self) -> ComposeResult:
        yield Static("/ filter", id="envs-filter-sign")
        yield Input(placeholder="name, package, script, kind, state", id="envs-filter", compact=True)
        yield Static(id="envs-count")

    @property
    def line(self) -> Input:
        return self.query_one(Input)

    @property
    def is_used(self) -> bool:
        return bool(self.line.value) or self.line.has_focus

    def tell(self, shown: int, total: int, marked: int) -> None:
        counted = f"{shown:,} of {total:,}" if shown != total else f"{total:,}"
        self.query_one("#envs-count", Static).update(f"{counted} · {marked:,} marked" if marked else counted)

    @on(Input.Changed)
    def _changed(self, changed: Input.Changed) -> None:
        changed.stop()
        self.post_message(self.Changed(changed.value))

    @on(Input.Submitted)
    def _submitted(self, submitted: Input.Submitted) -> None:
        submitted.stop()
        self.post_message(self.Left())

    def on_key(self, event: events.Key) -> None:
        if event.key == "down":
            event.stop()
            self.post_message(self.Left())
