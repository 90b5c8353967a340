"""The whole app, in a folder with scripts, beside an index with a few packages."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console
from textual.content import Content
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static

from luci import config
from luci.app import LuciApp
from luci.screens.card import Card
from luci.screens.home import Home
from luci.screens.prompt import Prompt
from luci.screens.question import QuestionPanel
from tests.cli.conftest import fill
from tests.conftest import hide_machine_configuration
from tests.package_index import PackageIndex
from tests.screens.environments_host import until

KEYS = {" ": "space", "\n": "ctrl+j"}
SIZE = (120, 40)

SCRIPTS = {
    "hop.py": "import quokka\n\nprint(quokka.hop())\n",
    "plain.py": "print('plain')\n",
    "slow.py": "import time\n\nprint('begun', flush=True)\ntime.sleep(600)\n",
    "fails.py": "table = {'a': 1}\n\n\ndef look(key):\n    return table[key]\n\n\nlook('b')\n",
    "mended.py": "import sys\n\n__import__(sys.argv[1] if len(sys.argv) > 1 else 'wombat')\nprint('mended')\n",
    "stranger.py": "import dingo\n\nprint(dingo.howl())\n",
    "welcome.py": "import dingo\n\nprint(dingo.howl())\n",
    "words.py": "import sys\n\nprint(sys.argv[1:])\n",
    "nested/deep.py": "print('deep')\n",
    "data.csv": "a,b\n",
}


@contextmanager
def workplace(base: Path, asked_pythons: Path) -> Iterator[Path]:
    """A folder with scripts, where luci's home is empty and only our index is known; the current folder meanwhile."""
    folder = base / "project"
    for name, source in SCRIPTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    (folder / ".git").mkdir()
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch, PackageIndex(base / "index") as index:
        fill(index)
        hide_machine_configuration(patch)
        patch.setenv("LUCI_HOME", str(base / "home"))
        patch.setenv("LUCI_INDEX_URL", index.url)
        patch.setenv("UV_CACHE_DIR", str(base / "uv-cache"))
        _copy_known_pythons(asked_pythons, base / "home")
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)
            _copy_known_pythons(base / "home", asked_pythons)


def _copy_known_pythons(home: Path, other: Path) -> None:
    for known in home.rglob("interpreters*.json"):
        place = other / known.relative_to(home)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(known, place)


@dataclass
class Person:
    """Someone in front of the app."""

    app: LuciApp
    pilot: Pilot[int]

    @property
    def home(self) -> Home:
        home = self.app.screen_stack[0]
        assert isinstance(home, Home)
        return home

    @property
    def prompt(self) -> Prompt:
        return self.home.query_one(Prompt)

    @property
    def cards(self) -> list[Card]:
        return self.home.conversation.cards

    @property
    def offers(self) -> list[str]:
        """What the list above the prompt offers."""
        listed = self.prompt.offers
        return [str(option.prompt).split("  ")[0].strip() for option in listed.options] if listed else []

    @property
    def replies(self) -> list[str]:
        return [str(reply.render()) for reply in self.home.query(".reply")]

    async def type(self, text: str) -> None:
        await self.pilot.press(*(KEYS.get(char, char) for char in text))
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def say(self, text: str) -> None:
        """Put a line into the prompt, at once where that has the focus, and press enter."""
        if self.app.focused is self.prompt.line:
            self.prompt.text = text
        else:
            await self.type(text)
        await self.press("enter")

    async def until(self, fact: object) -> None:
        await until(self.pilot, fact)  # type: ignore[arg-type]

    async def run(self, text: str) -> Card:
        """Say a line that makes a card, and wait for its end."""
        await self.say(text)
        card = self.cards[-1]
        await self.until(lambda: card.story.is_over)
        await self.pilot.pause()
        return card

    async def asked(self) -> QuestionPanel:
        """Wait for a question that takes answers."""
        await self.until(lambda: isinstance(self.app.screen, QuestionPanel) and self.app.screen.is_settled)
        assert isinstance(self.app.screen, QuestionPanel)
        return self.app.screen


@asynccontextmanager
async def opened(size: tuple[int, int] = SIZE) -> AsyncIterator[Person]:
    app = LuciApp(config.load())
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        person = Person(app, pilot)
        yield person
        for card in person.home.running:
            card.job.stop()  # type: ignore[union-attr]
        await person.until(lambda: not person.home.running)
        await pilot.pause()


def text_of(card: Card) -> str:
    """All that a card shows, line by line."""
    return "\n".join(_text(part) for part in card.query("*") if part.display)


def _text(part: Widget) -> str:
    shown = part.content if isinstance(part, Static) else part.render()
    if isinstance(shown, Content | str):
        return str(shown)
    console = Console(width=300, color_system=None)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()
