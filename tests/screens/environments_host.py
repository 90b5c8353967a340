"""A small app that has nothing but the environments, and a home with real ones to show."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Footer

import luci.screens.environments
from luci import config
from luci.context import Question
from luci.envs import installer, interpreters, uses
from luci.envs.interpreters import Interpreter
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
from luci.envs.store import Env, Store
from luci.envs.terms import Terms
from luci.events import Event
from luci.runner import memory
from luci.runner.memory import Memory
from luci.runner.script import read_script
from luci.screens.environments import Environments
from luci.screens.jobs import Job
from tests.package_index import PackageIndex

PATIENCE = 60  # seconds until a fact that must come true is given up


class Host(App[None]):
    """Answers every question with `answer`, and keeps the questions and the messages."""

    CSS_PATH = Path(luci.screens.environments.__file__).with_suffix(".tcss")

    def __init__(self, answer: bool = True, panel: type[Environments] = Environments) -> None:
        super().__init__()
        self.kind = panel
        self.answer = answer
        self.questions: list[Question] = []
        self.requested: list[Any] = []

    def compose(self) -> ComposeResult:
        yield self.kind(config.load())
        yield Footer()

    def on_mount(self) -> None:
        self.panel.focus()

    @property
    def panel(self) -> Environments:
        return self.query_one(Environments)

    def on_job_asked(self, asked: Job.Asked) -> None:
        self.questions.append(asked.question)
        asked.answer(self.answer)

    def on_environments_shell_requested(self, message: Environments.ShellRequested) -> None:
        self.requested.append(message)

    def on_environments_run_requested(self, message: Environments.RunRequested) -> None:
        self.requested.append(message)


def played(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Let pytest call a test that is a coroutine."""

    @functools.wraps(test)
    def play(*args: Any, **fixtures: Any) -> None:
        asyncio.run(test(*args, **fixtures))

    return play


async def until(pilot: Pilot[None], fact: Callable[[], object]) -> None:
    """Let the app work until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, pilot.app.screen
        await pilot.pause(0.02)


@dataclass
class Shelf:
    """Makes real environments in luci's home, from an index on loopback."""

    index: PackageIndex
    folder: Path
    store: Store
    python: Interpreter = field(default_factory=lambda: interpreters.choose(sys.executable))

    def add(self, label: str, *requirements: str, used_days_ago: float = 0, keep_script: bool = True) -> Env:
        """Build the environment of a script, as a run of it would have."""
        script = self.folder / f"{label}.py"
        script.write_text(f"# {', '.join(requirements)}\n")
        places = Sources(url=self.index.url)
        spec = EnvSpec(self.python.short, requirements, scope=str(self.folder / label), index=places.identity)

        def fill(folder: Path) -> Iterator[Event]:
            return installer.install(spec, folder, places, Terms(), lambda: False)

        reason = {"source": "table", "reason": "the import's own name", "file": str(script), "line": 1}
        choices = [{"module": line, "requirements": [line], **reason} for line in requirements]
        about = {"script": str(script), "choices": choices}
        env = _end(self.store.ready(spec, self.python, fill, label=label, about=about))
        memory.save(read_script(str(script)), Memory(script=str(script), key=env.key))
        uses.let_go()  # as the thread of a run that is over
        when = time.time() - used_days_ago * 86400 - 60
        os.utime(env.root / "uses", (when, when))
        if not keep_script:
            script.unlink()
        return env

    def break_(self, env: Env) -> None:
        env.python.unlink()


def _end(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def stocked(index: PackageIndex, home: Path, folder: Path) -> Shelf:
    index.add_wheel("quokka", "1.2", {"quokka.py": "def hop(): ...\n" * 200})
    index.add_wheel("wombat", "2.0", {"wombat.py": "import quokka\n" * 900}, ("quokka>=1",))
    index.add_wheel("thylacine", "0.9", {"thylacine/__init__.py": "x = 1\n" * 5000}, ("wombat", "bilby"))
    index.add_wheel("bilby", "3.1", {"bilby.py": "y = 2\n" * 70000})
    folder.mkdir(parents=True, exist_ok=True)
    return Shelf(index, folder, Store(home / "data" / "envs"))
