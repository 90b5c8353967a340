"""Sarus, which runs containers where many people share a machine: a command becomes one of its command line's.

It has no options for memory, CPUs or the network, so limits come from outside, by the wall `limits`, and the network is
that of the machine.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from luci.errors import EnvError, Refused
from luci.values import Value
from luci.walls.fence import Fence
from luci.walls.ladder import Wall

HINT = "Install Sarus (`sarus` on PATH), or choose --env docker or venv."


class Hold(Value):
    """A run in a container of Sarus: for those who run it, as a luci.walls.fence.Fence."""

    program: str
    inner: Fence
    image: str
    path: str  # PATH inside
    mounts: tuple[str, ...]
    given: tuple[tuple[str, str], ...] = ()  # variables that are set inside, whatever they are outside
    writable: tuple[str, ...] = ()

    @property
    def wall(self) -> Wall:
        return self.inner.wall

    @property
    def reports(self) -> Path:
        return self.inner.reports

    @property
    def fillable(self) -> tuple[str, ...]:
        """The folders on the disk that a run may write to."""
        return (*self.writable, str(self.reports))

    def leader(self) -> int:
        return self.inner.leader()

    @property
    def needs_words(self) -> bool:
        return self.inner.needs_words

    def command(self, argv: tuple[str, ...], *, led: bool = False) -> tuple[str, ...]:
        words = [self.program, "run", *self.mounts, mount(str(self.reports)), "-w", os.getcwd()]
        inside = {name: os.environ[name] for name in self.wall.asked.reach.variables if name in os.environ}
        for name, value in {**inside, **dict(self.given), "PATH": self.path, "HOME": "/tmp", "TMPDIR": "/tmp"}.items():
            words += ["-e", f"{name}={value}"]
        return self.inner.command((*words, self.image, *argv))

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of the host, which a container of Sarus sees as well."""
        return {name: value for name, value in environ.items() if name != "VIRTUAL_ENV"}

    def verdict(self, exit_code: int, *, seconds: float = 0, said: str = "") -> list[str]:
        return self.inner.verdict(exit_code, seconds=seconds, said=said)


def program() -> str:
    """Return the path of Sarus. Raises EnvError where there is none."""
    found = shutil.which("sarus")
    if found is None:
        raise EnvError("Sarus is not here.", cause="There is no command `sarus` on PATH.", hint=HINT)
    return found


def mount(path: str, *, target: str = "", readonly: bool = False) -> str:
    for name in (path, target):
        if "," in name:
            raise EnvError(f"Sarus cannot mount {name}: there is a comma in its name.", hint="Rename it.")
    return f"--mount=type=bind,source={path},destination={target or path}{',readonly' * readonly}"


def insist_on_limits(wall: Wall) -> None:
    """Raise Refused for what cannot be held from outside."""
    if wall.asked.limits.memory and "memory" not in wall.machine.controllers:
        raise Refused(
            "The memory of a container of Sarus cannot be limited here.",
            cause=wall.machine.no_trees or "No control group for memory can be made.",
            hint="Let luci make control groups (systemd: Delegate=yes).",
        )
