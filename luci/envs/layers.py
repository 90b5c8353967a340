"""The packages of an environment in a container: a virtual environment for its image's Python, filled here."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path, PurePosixPath

from luci.envs import files, installer, resolver, venvs
from luci.envs.backends import Backend
from luci.envs.bases import Base
from luci.envs.interpreters import Interpreter
from luci.envs.resolver import Change, Newest
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
from luci.envs.terms import Terms
from luci.errors import EnvError
from luci.events import Event
from luci.values import replace

PREFIX = PurePosixPath("/opt/luci/env")  # where an environment lies in its image
RECORD = "image.json"


class Layered(Backend):
    """A kind whose Python is in an image: what such kinds answer alike."""

    def base(self, spec: EnvSpec, terms: Terms, stop: Callable[[], bool]) -> Generator[Event, None, Base]:
        """Return the image that an environment is made from, fetched where it is not there. Raises EnvError."""
        raise NotImplementedError

    def newest(
        self,
        spec: EnvSpec,
        folder: Path,
        python: Interpreter,
        sources: Sources,
        terms: Terms,
        stop: Callable[[], bool],
    ) -> Generator[Event, None, Newest]:
        base = yield from self.base(spec, terms, stop)
        insist_on_its_python(base, spec)
        more = _for(base)
        lines = yield from resolver.resolve(spec, sys.executable, sources, replace(terms, builds=False), stop, more)
        changes = resolver.changes(self.installed(folder), lines)
        before = str(files.read_json(folder / RECORD).get("base", ""))
        image = [Change(f"the image {spec.base}", _short(before), _short(base.id))] if before != base.id else []
        return Newest(resolver.fixed(spec, lines), (*image, *changes))

    def python(self, folder: Path, asked: Interpreter) -> tuple[str, str]:
        return str(folder / RECORD), str(files.read_json(folder / RECORD)["version"])

    def starts_with(self, folder: Path) -> Path:
        return folder  # its Python is in the image


def insist_on_its_python(base: Base, spec: EnvSpec) -> None:
    """Raise EnvError where an image has come to have another Python than an environment is for."""
    if base.interpreter.short != spec.python:
        raise EnvError(
            f"The image {spec.base} has Python {base.version} now, and this environment is for {spec.python}.",
            hint="Run its script again: that makes an environment for the new one.",
        )


def _short(image: str) -> str:
    """Return what tells an image from another, as short as people know it."""
    words = image.split()
    return (words[2] if len(words) > 2 else image).removeprefix("sha256:")[:12]


def _for(base: Base) -> tuple[str, ...]:
    """Return the options by which uv works for the Python of an image."""
    return "--python-version", base.version, "--python-platform", base.target


def fill(
    spec: EnvSpec, folder: Path, base: Base, sources: Sources, terms: Terms, stop: Callable[[], bool]
) -> Iterator[Event]:
    """Put a virtual environment for the base's Python into `folder`, as it will lie at PREFIX."""
    if installer.find_uv() is None:
        raise EnvError("Only uv can install for another machine.", hint="Install uv beside luci.")
    insist_on_its_python(base, spec)
    short = base.interpreter.short
    site = folder / "lib" / f"python{short}" / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    for name in ("python", "python3", f"python{short}"):
        (folder / "bin" / name).symlink_to(base.executable)
    home = str(PurePosixPath(base.executable).parent)
    config = f"home = {home}\ninclude-system-site-packages = false\nversion = {base.version}\n"
    (folder / "pyvenv.cfg").write_text(config, encoding="utf-8")
    venvs.furnish(folder)
    more = ("--target", str(site), *_for(base))
    wheels = replace(terms, builds=False)  # what is built here would be for this machine
    yield from installer.install(spec, folder, sources, wheels, stop, more, python=sys.executable)
    _move_commands(site, folder / "bin")
    venvs.add_pip(folder)


def _move_commands(site: Path, target: Path) -> None:
    """Move the commands that uv put beside the packages to where they belong, each for the Python of the image."""
    python = str(PREFIX / "bin" / "python")
    for name in files.listing(site / "bin"):
        place = site / "bin" / name
        text = place.read_bytes()
        first, _, rest = text.partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            text = b"#!" + python.encode() + b"\n" + rest
        elif first == b"#!/bin/sh":  # how a long path is written
            text = re.sub(rb"^'''exec' .*? \"\$0\"", b"'''exec' " + python.encode() + b' "$0"', text, flags=re.M)
        place.unlink()
        (target / name).write_bytes(text)
        (target / name).chmod(0o755)
    with contextlib.suppress(OSError):
        (site / "bin").rmdir()
