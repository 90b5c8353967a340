"""Environments for Sarus: a base image, and a folder of packages that is mounted into it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from luci import paths
from luci.envs import containers, files, venvs
from luci.envs.containers import MINORS, PREFIX, RECORD, Base
from luci.envs.interpreters import Interpreter
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
from luci.envs.terms import Terms
from luci.errors import EnvError
from luci.events import Event, Working
from luci.values import Value
from luci.walls import sarus

if TYPE_CHECKING:
    from luci.envs.backends import Ability


class Sarus(Value):
    """The kind `sarus`: see luci.envs.backends."""

    can: frozenset[Ability] = frozenset(("requirements", "pep723", "environment.yml", "dockerfile"))

    @contextlib.contextmanager
    def making(self, folder: Path, python: Interpreter) -> Iterator[None]:
        folder.mkdir(parents=True)
        yield

    def install(
        self, spec: EnvSpec, folder: Path, sources: Sources, terms: Terms, stop: Callable[[], bool]
    ) -> Iterator[Event]:
        base = at_hand(spec.base)
        if base is None:
            raise EnvError(
                f"Sarus has no image {spec.base}.", hint=f"sarus pull {spec.base}, or sarus load FILE.tar NAME"
            )
        yield from containers.fill(spec, folder, base, sources, terms, stop)
        yield Working("compiling", "what was installed")
        inside = [str(PREFIX / "bin" / "python"), "-I", "-m", "compileall", "-q", str(PREFIX / "lib")]
        code, said = _run(sarus.mount(str(folder), target=str(PREFIX)), spec.base, *inside)
        if code not in (0, 1):
            raise EnvError("The Python of the image cannot be started.", cause=said)
        told = {"engine": "sarus", "image": spec.base, "bytes": 0, "base": base.id, "version": base.version}
        files.write_json(folder / RECORD, {**told, "path": f"{PREFIX}/bin:{base.path}"})

    def python(self, folder: Path, asked: Interpreter) -> tuple[str, str]:
        return str(folder / RECORD), str(files.read_json(folder / RECORD)["version"])

    def witness(self, folder: Path) -> Path:
        return folder / "pyvenv.cfg"

    def starts_with(self, folder: Path) -> Path:
        return folder

    def installed(self, folder: Path) -> dict[str, str]:
        return venvs.installed(folder)

    def needs(self, folder: Path) -> dict[str, list[str]]:
        return {}

    def brought(self, folder: Path) -> frozenset[str]:
        return frozenset()

    def faults(self, folder: Path) -> list[str]:
        told = files.read_json(folder / RECORD)
        return [] if _listed(str(told.get("image", ""))) else [f"Sarus has no image {told.get('image')} any more"]

    def elsewhere(self, folder: Path) -> tuple[str, int]:
        return "", 0


def pythons(base: str) -> list[Interpreter]:
    """Return the Pythons of a base that are at hand. Raises EnvError where there is none."""
    names = [base.replace("{python}", minor) for minor in MINORS] if "{python}" in base else [base]
    found = [here.interpreter for name in names if (here := at_hand(name))]
    if found:
        return found
    raise EnvError(
        f"Sarus has no image {', '.join(names)}.",
        hint=f'sarus pull {names[0]}; or sarus load FILE.tar NAME, and [containers] base = "NAME".',
    )


def at_hand(name: str) -> Base | None:
    """Return a base that Sarus has; it is asked once what it is."""
    line = _listed(name)
    if not line:
        return None
    memory = paths.cache() / "images" / f"sarus-{hashlib.sha256(line.encode()).hexdigest()[:24]}.json"
    known = files.read_json(memory)
    if not known:
        code, said = _run(name, "python3", "-I", "-c", containers.ASK)
        if code:
            raise EnvError(f"The image {name} has no Python that starts.", cause=said)
        known = json.loads(said)
        files.write_json(memory, known, needed=False)
    return containers.base_of(line, known)


def _listed(name: str) -> str:
    """Return the line that `sarus images` has of an image; empty where it has none."""
    done = subprocess.run([sarus.program(), "images"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvError("Sarus does not say which images it has.", cause=done.stderr.strip(), hint="luci doctor")
    repository, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    for line in done.stdout.splitlines()[1:]:
        if line.split()[:2] in ([repository, tag], [repository.rpartition("/")[2], tag]):
            return line
    return ""


def _run(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sarus.program(), "run", *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).strip()
