"""What a dialogue is made of: the line of a tool, what was changed, what was thought, a note."""

from __future__ import annotations

from time import monotonic

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.markup import escape
from textual.widgets import Collapsible, Static

from luci.screens.figures import duration
from luci.screens.plain import harmless

_SHOWN = 6  # lines of a run's output that are shown while it runs, and after
_MARKS = {
    "": ("●", "$text-accent"),
    "ok": ("✓", "$text-success"),
    "no": ("✗", "$text-error"),
    "stopped": ("■", "$text-warning"),
}


class ToolLine(Horizontal):
    """A tool that is used: what for, how it went, and the last of what it wrote."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title, self.state, self.tail, self.told = title, "", "", ""

    def compose(self) -> ComposeResult:
        yield Static(classes="mark")
        with Vertical():
            yield Static(Content.styled(harmless(self.title), "bold"))
            yield Static(classes="told")
            yield Static(classes="tail")

    def on_mount(self) -> None:
        self.draw()

    def draw(self) -> None:
        if not self.is_mounted:
            return
        self.query_one(".mark", Static).update(Content.styled(*_MARKS[self.state]))
        shown = [line for line in self.tail.splitlines() if line.strip()][-_SHOWN:]
        for name, lines in (("told", [self.told] if self.told else []), ("tail", [f"│ {line}" for line in shown])):
            part = self.query_one(f".{name}", Static)
            part.display = bool(lines)
            part.update(Content("\n".join(map(harmless, lines))))


_COLOURS = {"+": "$text-success", "-": "$text-error", "@": "$text-accent"}
_MOST_LINES = 400  # of what is folded


class Difference(Collapsible):
    """What was changed in a file, folded."""

    def __init__(self, name: str, diff: str) -> None:
        lines = diff.split("\n")
        added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
        gone = sum(line.startswith("-") and not line.startswith("---") for line in lines)
        coloured = [Content.styled(harmless(line) or " ", _COLOURS.get(line[:1], "")) for line in _bounded(lines)]
        title = escape(harmless(f"{name}  +{added} -{gone}"))
        super().__init__(Static(Content("\n").join(coloured)), title=title, collapsed=True)


def folded(title: str, text: str) -> Collapsible:
    shown = Content("\n".join(harmless(line) for line in _bounded(text.splitlines())))
    return Collapsible(Static(shown), title=escape(harmless(title)), collapsed=True)


class Thoughts(Collapsible):
    """What the model thinks before it answers, folded; drawn while somebody looks."""

    def __init__(self, text: str = "") -> None:
        super().__init__(Static(classes="thoughts"), title="thoughts" if text else "thinking …", collapsed=True)
        self.text, self._began, self._drawn = text, monotonic(), ""

    def take(self, text: str) -> None:
        self.text += text
        self._draw()

    def over(self) -> None:
        self.title = f"thought for {duration(monotonic() - self._began)}"
        self._draw()

    def _watch_collapsed(self, collapsed: bool) -> None:
        super()._watch_collapsed(collapsed)
        self._draw()

    def _draw(self) -> None:
        if not self.collapsed and self.text != self._drawn:
            self.query_one(".thoughts", Static).update(Content(harmless(self.text.strip())))
            self._drawn = self.text


def noted(text: str) -> Static:
    return Static(warning(text), classes="note")


def warning(text: str) -> Content:
    return Content.styled(harmless(text), "$text-warning")


def _bounded(lines: list[str]) -> list[str]:
    left = len(lines) - _MOST_LINES
    return lines if left <= 0 else [*lines[:_MOST_LINES], f"… {left} more lines, in the session"]
