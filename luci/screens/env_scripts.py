"""Which of several scripts is meant, where one environment serves them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from luci.screens.plain import harmless


class ScriptChoice(ModalScreen[str]):
    """Dismissed with the path of a script, or with nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss('')", "Leave")]

    def __init__(self, scripts: Sequence[str]) -> None:
        super().__init__()
        self.scripts = scripts

    def compose(self) -> ComposeResult:
        with Vertical(id="scripts"):
            yield Static("Run which script?", id="scripts-title")
            yield OptionList(*(Option(_line(path)) for path in self.scripts), id="scripts-list", compact=True)
            yield Static(Content.styled("enter runs it   esc leaves", "$foreground 60%"), id="scripts-keys")

    @on(OptionList.OptionSelected)
    def _chosen(self, chosen: OptionList.OptionSelected) -> None:
        self.dismiss(self.scripts[chosen.option_index])


def _line(path: str) -> Content:
    folder, _, name = harmless(path).rpartition("/")
    return Content.assemble((name, "bold"), "  ", (folder, "$foreground 60%"))
