"""A project, a scripted model, and a conversation between them that really plans, installs and runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from luci import config
from luci.chat.converse import Outcome, Talk
from luci.chat.leave import Effect, Verdict
from luci.chat.opening import Opening, opened
from luci.chat.sessions import Sessions
from luci.context import Context
from luci.events import Event
from tests.cli.conftest import Shared, shared  # noqa: F401 - a fixture
from tests.model_server import ModelServer, Next


@dataclass
class Person:
    """Someone in front of luci: says yes to all, unless `says` decides; keeps what was asked and seen."""

    folder: Path
    says: Callable[[Effect], Verdict] = lambda effect: Verdict(True)
    asked: list[Effect] = field(default_factory=list)
    seen: list[Event] = field(default_factory=list)
    stops: Callable[[], bool] = lambda: False
    sessions: Sessions | None = None

    def decide(self, effect: Effect) -> Verdict:
        self.asked.append(effect)
        return self.says(effect)

    def talk(self, **opening: Any) -> Talk:
        self.sessions = self.sessions or Sessions()
        context = Context(config.load(), stop=lambda: self.stops())
        chosen = replace(Opening(decide=self.decide), **opening)
        return opened(chosen, context, self.sessions)

    def ask(self, text: str, talk: Talk | None = None, **opening: Any) -> Outcome:
        steps = (talk or self.talk(**opening)).ask(text)
        while True:
            try:
                self.seen.append(next(steps))
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    @property
    def kinds(self) -> list[str]:
        return [effect.kind for effect in self.asked]


@pytest.fixture
def person(shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:  # noqa: F811
    """Someone in an empty project, with the environments that all tests of talking share."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENROUTER_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in shared.environ.items():
        monkeypatch.setenv(name, value)
    state = Path(shared.environ["LUCI_HOME"], "state")
    for kept in ("sessions.sqlite3", "sessions.sqlite3-wal", "sessions.sqlite3-shm", "audit.jsonl"):
        (state / kept).unlink(missing_ok=True)
    monkeypatch.chdir(folder)
    person = Person(folder)
    yield person
    if person.sessions:
        person.sessions.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModelServer]]:
    """Make a server that says what it is given, and lead luci to it."""
    servers: list[ModelServer] = []

    def serve(*script: Next, **options: Any) -> ModelServer:
        server = ModelServer(*script, **options)
        servers.append(server)
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        return server

    yield serve
    for server in servers:
        server.__exit__()
