"""Where an environment is written to, and in which form."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from luci.actions.exports import ExportRequest, file_name

FORMS = {
    "requirements": "requirements.txt, for pip and uv",
    "pylock": "pylock.toml with hashes (PEP 751)",
    "pep723": "a block to put into a script (PEP 723)",
    "environment.yml": "environment.yml, for conda and mamba",
    "conda-lock": "conda-lock.yml, with every file's digest",
}


class ExportForm(ModalScreen[ExportRequest | None]):
    """Asks for the form and the file; dismissed with the request, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"form({number})", form, show=False) for number, form in enumerate(FORMS, 1)),
        Binding("escape", "leave", "Leave"),
    ]

    def __init__(self, keys: tuple[str, ...], labels: tuple[str, ...], can: Collection[str] = FORMS) -> None:
        """`can` are the forms that all of them can be written in; the others are greyed."""
        super().__init__()
        self.keys, self.labels, self.can = keys, labels, can

    def compose(self) -> ComposeResult:
        title = f"Export {self.labels[0]}" if len(self.keys) == 1 else f"Export {len(self.keys)} environments"
        lines = [self._line(number, form) for number, form in enumerate(FORMS, 1)]
        with Vertical(id="export"):
            yield Static(title, id="export-title", markup=False)
            yield OptionList(*lines, id="export-forms", compact=True)
            yield Static("To this file" if len(self.keys) == 1 else "Into this folder", id="export-where")
            yield Input("", id="export-file", compact=True)
            with Horizontal(id="export-buttons"):
                yield Button("Write  enter", variant="primary", id="export-write", compact=True)
                yield Button("Leave  esc", id="export-leave", compact=True)

    def on_mount(self) -> None:
        forms = self.query_one("#export-forms", OptionList)
        forms.highlighted = next((number for number, form in enumerate(FORMS) if form in self.can), None)
        forms.focus()

    def _line(self, number: int, form: str) -> Option:
        can = form in self.can
        about = FORMS[form] if can else "this kind of environment cannot be told so"
        told = Content.assemble(f"{number}  ", (f"{form:<17}", "bold" if can else ""), about)
        return Option(told, id=form, disabled=not can)

    @property
    def form(self) -> str:
        return list(FORMS)[self.query_one("#export-forms", OptionList).highlighted or 0]

    @on(OptionList.OptionHighlighted)
    def _suggest(self) -> None:
        self.query_one(Input).value = file_name(self.form, self.labels[0]) if len(self.keys) == 1 else "."

    def action_form(self, number: int) -> None:
        if list(FORMS)[number - 1] not in self.can:
            self.app.bell()
            return
        self.query_one("#export-forms", OptionList).highlighted = number - 1
        self.query_one(Input).focus()

    @on(OptionList.OptionSelected)
    @on(Button.Pressed, "#export-write")
    @on(Input.Submitted)
    def _write(self) -> None:
        if (place := self.query_one(Input).value.strip()) and self.form in self.can:
            self.dismiss(ExportRequest(self.keys, self.form, place))

    @on(Button.Pressed, "#export-leave")
    def action_leave(self) -> None:
        self.dismiss(None)
