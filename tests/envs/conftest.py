"""Real environments, built by uv from wheels made on the spot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from luci.envs import installer, interpreters
from luci.envs.interpreters import Interpreter
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
from luci.envs.store import Env, Store
from luci.envs.terms import Terms
from luci.events import Event
from tests.machine import machine
from tests.package_index import PackageIndex

__all__ = ["machine"]

T = TypeVar("T")
WHEELS = Terms()


@dataclass
class Builder:
    """Builds environments as a plan would, and keeps what was said meanwhile."""

    store: Store
    sources: Sources
    python: Interpreter
    said: list[Event] = field(default_factory=list)

    def __call__(self, *requirements: str, scope: str = "", fresh: bool = False, **told: Any) -> Env:
        return self.ready(self.spec(*requirements, scope=scope), fresh=fresh, **told)

    def spec(self, *requirements: str, scope: str = "") -> EnvSpec:
        return EnvSpec(self.python.short, requirements, scope=scope, index=self.sources.identity)

    def ready(
        self, spec: EnvSpec, *, terms: Terms = WHEELS, fresh: bool = False, label: str = "demo.py", **about: Any
    ) -> Env:
        steps = self.store.ready(spec, self.python, self.fill(spec, terms), label=label, about=about, fresh=fresh)
        return self.end(steps)

    def rebuild(self, env: Env) -> Env:
        return self.end(self.store.rebuild(env, self.python, self.fill(env.spec)))

    def fill(self, spec: EnvSpec, terms: Terms = WHEELS) -> Callable[[Path], Iterator[Event]]:
        return lambda folder: installer.install(spec, folder, self.sources, terms, lambda: False)

    def end(self, steps: Generator[Event, None, T]) -> T:
        self.said = []
        while True:
            try:
                self.said.append(next(steps))
            except StopIteration as stop:
                return stop.value

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.said]


@pytest.fixture
def store(luci_home: Path) -> Store:
    return Store(luci_home / "data" / "envs")


@pytest.fixture
def python(luci_home: Path) -> Interpreter:
    return interpreters.choose(sys.executable)


@pytest.fixture
def build(store: Store, python: Interpreter, index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> Builder:
    """An index with `six`, `demo` and `tool`, which needs `demo`, and what builds from it."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    index.add_wheel("six", "1.16", {"six.py": "PY3 = True\n"})
    index.add_wheel("demo", "1.0", {"demo/__init__.py": "", "demo/inner.py": "value = 1\n"})
    index.add_wheel("demo", "2.0", {"demo/__init__.py": "", "demo/inner.py": "value = 2\n"})
    index.add_wheel("tool", "3.0", {"tool.py": "import demo\n"}, requires=["demo>=1"])
    return Builder(store, Sources(url=index.url), python)
