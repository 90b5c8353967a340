"""Commands behind walls: one wall for all, put up around a Python that tries something."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from luci.walls.asked import Asked, Limits, Reach
from luci.walls.container import Box, of_this_machine
from luci.walls.fence import Fence, around
from luci.walls.ladder import choose
from luci.walls.machine import Machine, tried
from luci.walls.places import Ground
from tests import engines

PATIENCE = 60
NO_LIMITS = Limits()
HERE: Machine = tried()
WHY_NOT = {"container": engines.why_not("docker"), "bwrap": HERE.no_bwrap}
WHY_NOT |= {"landlock": HERE.no_landlock, "limits": HERE.no_trees}
WALLS = [
    pytest.param(name, marks=pytest.mark.skipif(bool(why), reason=f"{name}: {why}")) for name, why in WHY_NOT.items()
]


@dataclass(frozen=True)
class Scene:
    """A home with keys in it, a project in it where the script is, and a folder in it that may be written to."""

    home: Path
    project: Path
    out: Path
    env: Path
    base: Path

    def asked(self, wall: str, *, writable: str = "", limits: Limits = NO_LIMITS) -> Asked:
        """All that a wall can give: limits alone are not asked for what only the others hold."""
        if wall == "limits":
            return Asked("limits", limits)
        return Asked(wall, limits, Reach(network=False, writable=(writable or str(self.out),)))

    @contextmanager
    def behind(self, asked: Asked, machine: Machine = HERE) -> Iterator[Fence | Box]:
        contained = asked.sandbox == "container"
        if asked.limits != NO_LIMITS and machine is HERE and HERE.no_trees and not contained:
            pytest.skip(f"control groups: {HERE.no_trees}")
        wall = choose(asked, machine)
        assert wall is not None
        ground = Ground(self.env, Path(sys.executable), (self.project,), (self.base / "luci",))
        folder = self.base / "luci" / "state" / f"wall-{len(os.listdir(self.base / 'luci' / 'state'))}"
        with of_this_machine(wall, ground, folder) if contained else around(wall, ground, folder) as fence:
            yield fence

    def run(self, fence: Fence | Box, code: str, *words: object) -> subprocess.CompletedProcess[str]:
        command, environ = self.command(fence, code, *words), self.variables(fence)
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environ)

    def command(self, fence: Fence | Box, code: str, *words: object) -> tuple[str, ...]:
        return fence.command((sys.executable, "-c", textwrap.dedent(code), *map(str, words)))

    def variables(self, fence: Fence | Box) -> dict[str, str]:
        return fence.environ({**os.environ, "SECRET": "secret"})


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    home = tmp_path / "home"
    scene = Scene(home, home / "project", home / "out", Path(sys.prefix), tmp_path)
    for folder in (scene.project, scene.out, home / ".ssh", home / "papers", tmp_path / "luci" / "state"):
        folder.mkdir(parents=True)
    (home / ".ssh" / "id").write_text("key")
    (home / ".bashrc").write_text("# mine\n")
    (home / "papers" / "a.txt").write_text("paper")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DOCKER_HOST", engines.SOCKETS["docker"] or "unix:///nowhere/docker.sock")
    monkeypatch.chdir(scene.project)
    return scene


Attempt = Callable[[Scene, str], bool]
