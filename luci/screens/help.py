"""F1: every command and every key, as they are defined."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from luci.actions.lines import COMMANDS
from luci.screens.columns import Columns
from luci.screens.keys import places

LEAST = 18  # cells for what to press


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
            yield _rows([*commands, ("any path to a script", "run it, with what follows as its arguments")])
            for place, keys in places(self.app):
                yield Static(place, classes="head")
                yield _rows([(key.shown, key.about) for key in keys])


def _rows(rows: list[tuple[str, str]]) -> Columns:
    width = max(LEAST, *(len(left) for left, _ in rows)) + 2
    return Columns(((Content.styled(left, "$text-accent"), Content(right)) for left, right in rows), indent=width)
