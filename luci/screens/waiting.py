"""The live line: the step that is waited for and how far it came, on a terminal, and gone when it is over."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.filesize import decimal
from rich.progress import Progress, Task
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from luci.events import Working

ROOM_FOR_BAR = 32  # columns; on a narrower terminal the count alone must do
ROOM_FOR_BYTES = 60


class LiveLine(Progress):
    """One line on stderr, never wider than the terminal is. Its text must be harmless."""

    def __init__(self) -> None:
        # what is printed meanwhile is written after the line was taken away, to the streams themselves
        super().__init__(console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False)
        self._spinner = Spinner("line" if self.console.options.ascii_only else "dots")
        self._line = self.add_task("")

    def show(self, working: Working) -> None:
        self.update(self._line, description=working.step, working=working)
        if not self.live.is_started:
            self.start()

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        grid = Table.grid(padding=(0, 1), expand=True)
        for working in (task.fields["working"] for task in tasks if "working" in task.fields):
            cells = [self._spinner, Text(working.step), *self._how_far(working)]
            for _ in cells:
                grid.add_column(no_wrap=True)
            grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
            grid.add_row(*cells, Text(working.detail))
        return grid

    def _how_far(self, working: Working) -> Iterable[RenderableType]:
        if not working.total:
            return
        if self.console.width >= ROOM_FOR_BAR:
            ahead = working.received / working.size if working.size else 0  # of those under way, as if they were one
            yield ProgressBar(working.total, min(working.total, working.done + ahead), width=10)
        yield Text(f"{working.done}/{working.total}")
        if working.size and self.console.width >= ROOM_FOR_BYTES:
            yield Text(f"{decimal(working.received)} of {decimal(working.size)}")
