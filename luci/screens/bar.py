"""The line at the top, which leads to the places, and the one at the bottom, which tells the keys.

Each is a single widget: the first paint waits for every one there is.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from luci.screens.plain import harmless

Place = Literal["conversation", "output", "environments"]
PLACES: tuple[tuple[Place, str, str], ...] = (
    ("conversation", "f2", "Conversation"),
    ("output", "f3", "Output"),
    ("environments", "f4", "Environments"),
)


_ROOMY = 90  # columns from which on the places keep their distance, whoever answers
ALWAYS = ("help", "command_palette")  # hints that stay, wherever the focus is


class Bar(Widget):
    """The places, with the key that leads to each; how much runs; the folder."""

    here: reactive[str] = reactive("conversation")
    running: reactive[int] = reactive(0)
    model: reactive[str] = reactive("")  # who answers, and what of the context and of money that takes

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder

    def render(self) -> Content:
        left = [Content.styled("luci", "bold $text-accent")]
        for place, key, name in PLACES:
            style = "bold $foreground" if place == self.here else "$foreground 60%"
            runs = f" ●{self.running}" if place == "output" and self.running else ""
            tab = Content.assemble((key.upper(), "$foreground 45%"), " ", (name, style), (runs, "$text-accent"))
            left.append(tab.stylize(Style.from_meta({"action": f"screen.go('{place}')"})))
        line = Content("   " if not self.model or self.content_size.width >= _ROOMY else "  ").join(left)
        room = self.content_size.width - line.cell_length - 3
        if room < 8:
            return line
        said = self._said(room)
        return Content.assemble(line, " " * (room + 3 - len(said)), (said, "$foreground 60%"))

    def _said(self, room: int) -> str:
        """Who answers and the folder, in so many columns: the folder goes first, then the model's vendor."""
        if not self.model:
            return self.folder if len(self.folder) <= room else f"…{self.folder[1 - room :]}"
        name, _, took = harmless(self.model).partition(" · ")
        took = f" · {took}" if took else ""
        said = [f"{name}{took}   {self.folder}", f"{name}{took}", f"{name.rpartition('/')[2]}{took}"]
        return next((each for each in said if len(each) <= room), f"{said[2][: max(0, room - len(took) - 1)]}…{took}")

    async def on_click(self, event: events.Click) -> None:
        if action := event.style.meta.get("action"):
            await self.run_action(action)


class Hints(Widget):
    """What the most useful keys do where the focus is; the rest is behind F1."""

    MOST: ClassVar[int] = 6

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def render(self) -> Content:
        active: dict[str, Binding] = {}  # the first key for each action
        for bound in self.screen.active_bindings.values():
            if bound.binding.show and bound.enabled:
                active.setdefault(bound.binding.action, bound.binding)
        always = [active.pop(action) for action in ALWAYS if action in active]
        unique = [*list(active.values())[: self.MOST - len(always)], *always]
        shown = [self._hint(binding) for binding in unique]
        return Content("   ").join(shown)

    def _hint(self, binding: Binding) -> Content:
        key = self.app.get_key_display(binding)
        hint = Content.assemble((key, "bold $accent"), " ", binding.description)
        return hint.stylize(Style.from_meta({"key": binding.key}))

    def on_click(self, event: events.Click) -> None:
        if key := event.style.meta.get("key"):
            self.app.simulate_key(key)
