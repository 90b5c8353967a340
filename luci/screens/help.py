"""F1: every command and every key, as they are defined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from luci.actions.lines import COMMANDS


class Help(ModalScreen[None]):
    """What can be typed and pressed, by place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1", "dismiss(None)", "Close"),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            commands = [(command.usage, command.summary) for command in COMMANDS.values()]
            yield Static("Commands", classes="head")
            yield Static(_rows([*commands, ("any path to a script", "run it, with what follows as its arguments")]))
            for place, keys in self._places():
                yield Static(place, classes="head")
                yield Static(_rows(keys))

    def _places(self) -> Iterable[tuple[str, list[tuple[str, str]]]]:
        from luci.screens.card import Card
        from luci.screens.env_table import EnvTable
        from luci.screens.environments import Environments
        from luci.screens.home import Home
        from luci.screens.live import Live
        from luci.screens.prompt import Prompt

        yield "Everywhere", self._keys([*type(self.app).BINDINGS, *Home.BINDINGS])
        yield "Prompt", self._keys(Prompt.BINDINGS)
        yield "A card in the conversation", self._keys(Card.BINDINGS)
        yield "Output, once scrolling or ended", self._keys(Live.BINDINGS)
        yield "Environments", self._keys([*EnvTable.BINDINGS, *Environments.BINDINGS])

    def _keys(self, bindings: Iterable[BindingType]) -> list[tuple[str, str]]:
        told: dict[str, list[str]] = {}
        for binding in bindings:
            if isinstance(binding, Binding) and binding.description:
                shown = [self.app.get_key_display(each) for each in Binding.make_bindings([binding])]
                told.setdefault(binding.description, []).extend(key for key in shown if key)
        return [(" ".join(dict.fromkeys(keys)), description) for description, keys in told.items()]


def _rows(rows: list[tuple[str, str]]) -> Content:
    return Content("\n").join(Content.assemble((f"{left:<29}", "$text-accent"), "  ", right) for left, right in rows)
