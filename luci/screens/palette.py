"""ctrl+p: every command that can be typed and every action that has a key, found by any of its letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from luci.actions.door import ACTIONS
from luci.actions.lines import COMMANDS, THEMES
from luci.screens.keys import Key, places

if TYPE_CHECKING:
    from luci.app import LuciApp

# a person who can open the palette has no need of it to move, to type, or to open the palette
_LEFT_OUT = {"EnvTable", "Prompt"}
_OWN = "command_palette"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the palette."""

    title: str
    about: str
    do: Callable[[], object]


class Actions(Provider):
    """What `luci.actions` and the panes' own keys tell."""

    async def discover(self) -> Hits:
        for entry in self._entries():
            yield DiscoveryHit(entry.title, entry.do, help=entry.about)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for entry in self._entries():
            score = max(matcher.match(entry.title), matcher.match(entry.about) / 2)
            if score > 0:
                yield Hit(score, matcher.highlight(entry.title), entry.do, text=entry.title, help=entry.about)

    def _entries(self) -> Iterator[Entry]:
        app: LuciApp = self.app  # type: ignore[assignment]
        for command in COMMANDS.values():
            if command.takes == "theme":
                for theme in THEMES:
                    line = f"{command.name} {theme}"
                    yield Entry(line, command.summary, partial(app.home.submit, line))
            elif command.takes in ("nothing", "words"):
                yield Entry(command.name, command.summary, partial(app.home.submit, command.name))
            else:
                yield Entry(command.usage, command.summary, partial(app.home.begin, f"{command.name} "))
        for place, keys in places(app):
            for key in keys:
                if key.action != _OWN and key.owner.__name__ not in _LEFT_OUT:
                    name = place.partition(",")[0].removesuffix(" in the conversation").removeprefix("A ").capitalize()
                    title = key.about if place == "Everywhere" else f"{name}: {key.about.lower()}"
                    yield Entry(title, _about(key), partial(app.home.act, key.owner, key.action))


def _about(key: Key) -> str:
    """The key, and what the action of the same name does where there is one."""
    door = ACTIONS.get(f"env {key.action}") if key.owner.__name__ == "Environments" else None
    return f"{door.summary}  ({key.shown})" if door else key.shown
