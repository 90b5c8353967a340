"""The one screen and its three places: the conversation, the live output, and the environments."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from luci.config import Settings
from luci.screens.bar import PLACES, Bar, Hints, Place
from luci.screens.conversation import Conversation
from luci.screens.doing import Doing
from luci.screens.names import named
from luci.screens.prompt import Prompt

if TYPE_CHECKING:
    from luci.screens.environments import Environments
    from luci.screens.output import Output

Pane = TypeVar("Pane", bound=Widget)


class Places(Screen[None]):
    """Puts the three places beside each other where there is room, else shows one at a time."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide"), (240, "-vast")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"go('{place}')", name, show=False, priority=True) for place, key, name in PLACES),
        Binding("f6", "widen", "Full width", show=False, priority=True),
    ]

    def __init__(self, settings: Callable[[], Settings]) -> None:
        super().__init__(classes="-at-conversation -beside-output -idle")
        self._settings = settings
        self._making = asyncio.Lock()
        self._outdated = False  # something was done since the environments were read

    def compose(self) -> ComposeResult:
        yield Bar(short(os.getcwd()))
        with Horizontal(id="places"):
            with Vertical(id="talk"):
                yield Conversation(id="conversation")
                yield Prompt({**named(self._settings), "running": self._what_runs})
            with Vertical(id="beside"):
                yield Static("What runs shows here.", id="no-output")
        yield Hints()

    def on_mount(self) -> None:
        self.query_one(Prompt).line.focus()

    @property
    def conversation(self) -> Conversation:
        return self.query_one(Conversation)

    # the places

    async def go(self, place: Place) -> None:
        for other, _, _ in PLACES:
            self.set_class(other == place, f"-at-{other}")
            if place != "conversation":
                self.set_class(other == place, f"-beside-{other}")
        self.query_one(Bar).here = place
        if place == "conversation":
            self.query_one(Prompt).line.focus()
        else:  # at once, so that what is typed next is for who is there now; where nothing runs yet, for nobody
            pane = await self.output() if place == "output" else await self.environments()
            self.set_focus(pane.front)
        self._read_environments()

    async def action_go(self, place: Place) -> None:
        await self.go(place)

    def action_widen(self) -> None:
        self.toggle_class("-full")

    def _room_for_output(self) -> tuple[int, int]:
        """Columns and rows of the pane that a run will be shown in, whoever is in that place now."""
        width, height = self.size.width, self.size.height - 2
        if not (self.has_class("-narrow") or self.has_class("-full")):
            talk, beside = (self.query_one(name).styles.width for name in ("#talk", "#beside"))
            if talk and beside:
                width = round(width * beside.value / (talk.value + beside.value)) - 1  # a line is between them
        return max(width, 20), max(height - 2, 5)  # its tabs and its state take a line each

    async def output(self) -> Output:
        """Return the output pane. It is made when it is first wanted: it costs the first paint nothing."""
        from luci.screens.output import Output

        async with self._making:  # a key and what a run says may want it at once
            if found := self.query(Output):
                return found.first()
            self.query("#no-output").remove()
            return await self._made(Output(id="output"), "output.tcss")

    async def environments(self) -> Environments:
        """Return the environments pane, made when it is first wanted."""
        from luci.screens.environments import Environments

        async with self._making:
            if found := self.query(Environments):
                found.first().settings = self._settings()
                return found.first()
            self._outdated = False
            return await self._made(Environments(self._settings(), id="environments"), "environments.tcss")

    async def _made(self, pane: Pane, style: str) -> Pane:
        """Put up a pane with its style sheet, which the first paint did without."""
        self.app.stylesheet.read(Path(__file__).with_name(style))
        self.remove_class("-idle")
        await self.query_one("#beside").mount(pane)
        return pane

    def _read_environments(self) -> None:
        """Read them again where they are in sight and something may have built, used or removed one."""
        for pane in self.query("#environments"):
            if self._outdated and pane.display and "-beside-environments" in self.classes:
                self._outdated = False
                pane.reload()  # type: ignore[attr-defined]

    # what runs

    @property
    def running(self) -> list[Doing]:
        return [doing for doing in self.conversation.doings if doing.job and not doing.is_over]

    @property
    def unfinished(self) -> tuple[str, ...]:
        """What would not come to its end if the app ended now, a line each."""
        lines = [
            f"{card.heading} {'is ended, with all that it started' if card.is_run else 'is given up'}"
            for card in self.running
        ]
        panes = [child for child in self.query_one("#beside").children if child.id == "environments"]
        return (*lines, *(pane.unfinished for pane in panes if pane.unfinished))  # type: ignore[attr-defined]

    def _what_runs(self) -> dict[str, str]:
        names = {card.heading.partition(" ")[0]: "" for card in self.running}
        return {**names, "all": ""} if names else {}


def short(path: str) -> str:
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path == home or path.startswith(home + os.sep) else path
