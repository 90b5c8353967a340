"""Scripts, and the plans for them."""

from __future__ import annotations

import textwrap
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from luci import config
from luci.context import Context, Question
from luci.events import Event
from luci.runner import memory, plan
from luci.runner.memory import Memory
from luci.runner.plan import Plan
from luci.runner.script import Script, read_script
from luci.runner.wants import Wants
from tests.machine import Add, machine

__all__ = ["machine"]
T = TypeVar("T")


@dataclass
class Person:
    """Someone who works in a folder: writes scripts, asks for plans, and answers what is asked."""

    folder: Path
    yes: bool = False
    asked: list[Question] = field(default_factory=list)
    said: list[Event] = field(default_factory=list)

    def script(self, source: str, name: str = "a.py") -> Script:
        self.write(name, source)
        return read_script(str(self.folder / name))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(textwrap.dedent(text))

    def plan(self, source: str | Script, known: Memory | None = None, **wants: Any) -> Plan:
        script = self.script(source) if isinstance(source, str) else source
        learned = known or memory.load(script)
        return self.end(plan.make(script, Wants(**wants), self.context, learned))

    @property
    def context(self) -> Context:
        return Context(config.load(), self.answer)

    def answer(self, question: Question) -> bool:
        self.asked.append(question)
        return self.yes

    def end(self, steps: Generator[Event, None, T]) -> T:
        self.said = []
        while True:
            try:
                self.said.append(next(steps))
            except StopIteration as stop:
                return stop.value

    def told(self) -> list[str]:
        return [event.text for event in self.said if hasattr(event, "text")]


@pytest.fixture
def person(machine: Add, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A person in a folder of their own, whose index is the served one and whose only Python is that of these tests."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("LUCI_INDEX_TRIES", "1")
    monkeypatch.setenv("LUCI_INDEX_FRESH_SECONDS", "0")
    return Person(folder)
