"""What pruning would remove, with reasons and space, before anything goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, SelectionList, Static
from textual.widgets.selection_list import Selection

from luci.screens.plain import harmless
from luci.units import amount


class PrunePreview(ModalScreen[tuple[str, ...]]):
    """The result of `env prune --dry-run`. It is dismissed with the keys that shall go; none where nothing shall."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,delete", "remove", "Remove"),
        Binding("a", "all", "All or none"),
        Binding("escape,q", "leave", "Leave"),
    ]

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.rows = {row["key"]: row for row in rows}

    def compose(self) -> ComposeResult:
        lines = [Selection(self._line(row), key, True) for key, row in self.rows.items()]
        with Vertical(id="prune"):
            yield Static("Not needed any more", id="prune-title")
            yield SelectionList[str](*lines, id="prune-list")
            yield Static(id="prune-sum")
            with Horizontal(id="prune-buttons"):
                yield Button("Remove  d", variant="error", id="prune-remove", compact=True)
                yield Button("Leave  esc", id="prune-leave", compact=True)

    def on_mount(self) -> None:
        self._sum()
        self.query_one(SelectionList).focus()

    def _line(self, row: Mapping[str, Any]) -> Content:
        name, _, key = row["name"].removeprefix("luci_").rpartition("_")
        freed = f"{amount(row['freed']):>9}"
        about = harmless(f"  {row['reason']}  ")
        return Content.assemble(freed, "  ", (harmless(name), "bold"), about, (key[:8], "$foreground 60%"))

    @property
    def chosen(self) -> tuple[str, ...]:
        return tuple(self.query_one("#prune-list", SelectionList).selected)

    @on(SelectionList.SelectedChanged)
    def _sum(self) -> None:
        freed = sum(self.rows[key]["freed"] for key in self.chosen)
        told = f"{len(self.chosen)} of {len(self.rows)} chosen, which frees {amount(freed)}"
        self.query_one("#prune-sum", Static).update(told)
        self.query_one("#prune-remove", Button).disabled = not self.chosen

    def action_all(self) -> None:
        listed = self.query_one("#prune-list", SelectionList)
        if len(self.chosen) == len(self.rows):
            listed.deselect_all()
        else:
            listed.select_all()

    @on(Button.Pressed, "#prune-remove")
    def action_remove(self) -> None:
        if self.chosen:
            self.dismiss(self.chosen)

    @on(Button.Pressed, "#prune-leave")
    def action_leave(self) -> None:
        self.dismiss(())
