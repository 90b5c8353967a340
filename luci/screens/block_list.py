"""The blocks of code in an answer, to choose one."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from luci.screens.figures import count
from luci.screens.plain import harmless

_SHOWN = 3  # lines of each block


class BlockList(ModalScreen[str | None]):
    """It is dismissed with the code of a block, None for none. `what` says what is done with it."""

    CSS_PATH = "session_list.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "Leave")]

    def __init__(self, what: str, blocks: tuple[str, ...]) -> None:
        super().__init__()
        self._what, self._blocks = what, blocks

    def compose(self) -> ComposeResult:
        with Vertical(id="sessions"):
            yield Static(self._what, id="sessions-title")
            yield OptionList(*(Option(_told(block)) for block in self._blocks), id="sessions-list", compact=True)
            yield Static("enter chooses · esc leaves")

    def on_mount(self) -> None:
        lines = self.query_one(OptionList)
        lines.highlighted = len(self._blocks) - 1
        lines.focus()

    @on(OptionList.OptionSelected)
    def _take(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(self._blocks[message.option_index])

    def action_leave(self) -> None:
        self.dismiss(None)


def _told(block: str) -> Content:
    lines = block.rstrip("\n").split("\n")
    shown = [Content(f"  {harmless(line)}") for line in lines[:_SHOWN]]
    head = Content.styled(count(len(lines), "line"), "$foreground 60%")
    return Content("\n").join([head, *shown])
