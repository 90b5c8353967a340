"""F1: every command and every key, as they are defined."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from luci.actions.lines import COMMANDS
from luci.screens.keys import places

LEAST = 18  # cells for what to press


class Rows(Widget):
    """Two columns: what to type or press, and what that does, on as many lines as it takes."""

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        super().__init__()
        self.rows = rows
        self.left = max(LEAST, *(len(left) for left, _ in rows)) + 2

    def _lines(self, width: int) -> list[Content]:
        lines = []
        for left, right in self.rows:
            first, *rest = Content(right).wrap(max(10, width - self.left))
            lines.append(Content.assemble((f"{left:<{self.left}}", "$text-accent"), first))
            lines += [Content(" " * self.left) + line for line in rest]
        return lines

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.content_size.width))


class Help(ModalScreen[None]):
    """What can be typed and pressed, by place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1", "dismiss(None)", "Close"),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as help:
            help.border_title, help.border_subtitle = "Help", "esc closes"
            commands = [(command.usage, command.summary) for command in COMMANDS.values()]
            yield Static("Commands", classes="head")
            yield Rows([*commands, ("any path to a script", "run it, with what follows as its arguments")])
            for place, keys in places(self.app):
                yield Static(place, classes="head")
                yield Rows([(key.shown, key.about) for key in keys])
