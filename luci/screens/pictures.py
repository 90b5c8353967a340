"""The images of a run, one at a time, as well as the terminal can draw them."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any, ClassVar, Self

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import Static

from luci.screens.bar import Hints
from luci.screens.plain import harmless


def can_draw(files: Iterable[str]) -> bool:
    """Whether one of them can be drawn in a terminal: not one made of lines, and none without the library for it."""
    return importlib.util.find_spec("textual_image") is not None and not all(map(_is_of_lines, files))


def _is_of_lines(file: str) -> bool:
    return file.lower().endswith(".svg")


def is_ready() -> bool:
    """Whether it is known how this terminal draws."""
    return "textual_image.widget" in sys.modules


def get_ready() -> None:
    """Ask the terminal how it draws. Nobody else may read it meanwhile."""
    # that a terminal answers nothing is no news for its owner
    logging.getLogger("textual_image").addHandler(logging.NullHandler())
    import textual_image.widget  # noqa: F401


class Pictures(Screen[None]):
    """Shows images; `view` opens one in the system's own viewer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Previous"),
        Binding("right", "step(1)", "Next"),
        Binding("space", "step(1)", "Next", show=False),
        Binding("v", "view", "Viewer"),
        Binding("escape", "dismiss(None)", "Close"),
        Binding("q,i", "dismiss(None)", "Close", show=False),
    ]

    def __init__(self, files: tuple[str, ...], view: Callable[[str], None]) -> None:
        super().__init__()
        self.files = files
        self.at = len(files) - 1
        self._view = view

    def compose(self) -> ComposeResult:
        yield Static("", id="picture-head")
        yield Container(id="picture")
        yield Hints()

    async def on_mount(self) -> None:
        await self._draw()

    def refresh(self, *regions: Region, **what: Any) -> Self:
        """Draw it anew; not, though, the regions that Textual hands up from the screen below, which nobody sees."""
        return self if regions else super().refresh(**what)

    async def _draw(self) -> None:
        from PIL import Image as PILImage
        from textual_image.widget import Image

        path = self.files[self.at]
        place = self.query_one("#picture", Container)
        await place.remove_children()
        facts = [f"{self.at + 1} of {len(self.files)}"] if len(self.files) > 1 else []
        try:
            if _is_of_lines(path):
                await place.mount(Static("A drawing made of lines: v shows it in the system's viewer.", classes="note"))
            else:
                with PILImage.open(path) as opened:
                    opened.load()
                    facts.insert(0, f"{opened.width} × {opened.height}")
                    await place.mount(Image(opened.copy()))
        except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises for a file that is no image
            await place.mount(Static(Content(harmless(f"It cannot be drawn: {error}")), classes="fault"))
        name = PurePath(path).name
        head = Content.assemble((harmless(name), "bold"), ("   " + "   ".join(facts), "$foreground 60%"))
        self.query_one("#picture-head", Static).update(head)

    async def action_step(self, by: int) -> None:
        self.at = (self.at + by) % len(self.files)
        await self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "step" or len(self.files) > 1

    def action_view(self) -> None:
        self._view(self.files[self.at])
