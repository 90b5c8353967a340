"""Environments for Sarus: a base image, and a folder of packages that is mounted into it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from luci import paths
from luci.envs import files
from luci.envs.bases import ASK, MINORS, Base, base_of
from luci.envs.interpreters import Interpreter
from luci.envs.layers import PREFIX, RECORD, Layered, fill
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
from luci.envs.terms import Terms
from luci.errors import EnvError
from luci.events import Event, Working
from luci.walls import sarus

if TYPE_CHECKING:
    from luci.envs.backends import Ability


class Sarus(Layered):
    """The kind `sarus`: see luci.envs.backends."""

    can: frozenset[Ability] = frozenset(("update", "requirements", "pep723", "environment.yml", "dockerfile"))

    def base(self, spec: EnvSpec, terms: Terms, stop: Callable[[], bool]) -> Generator[Event, None, Base]:
        yield from ()
        if here := at_hand(spec.base):
            return here
        raise EnvError(f"Sarus has no image {spec.base}.", hint=f"sarus pull {spec.base}, or sarus load FILE.tar NAME")

    def install(
        self, spec: EnvSpec, folder: Path, sources: Sources, terms: Terms, stop: Callable[[], bool]
    ) -> Iterator[Event]:
        base = yield from self.base(spec, terms, stop)
        yield from fill(spec, folder, base, sources, terms, stop)
        yield Working("compiling", "what was installed")
        inside = [str(PREFIX / "bin" / "python"), "-I", "-m", "compileall", "-q", str(PREFIX / "lib")]
        code, said = _run(sarus.mount(str(folder), target=str(PREFIX)), spec.base, *inside)
        if code not in (0, 1):
            raise EnvError("The Python of the image cannot be started.", cause=said)
        told = {"engine": "sarus", "image": spec.base, "bytes": 0, "base": base.id, "version": base.version}
        files.write_json(folder / RECORD, {**told, "path": f"{PREFIX}/bin:{base.path}"})

    def faults(self, folder: Path) -> list[str]:
        told = files.read_json(folder / RECORD)
        return [] if _listed(str(told.get("image", ""))) else [f"Sarus has no image {told.get('image')} any more"]


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
        code, said = _run(name, "python3", "-I", "-c", ASK)
        if code:
            raise EnvError(f"The image {name} has no Python that starts.", cause=said)
        known = json.loads(said)
        files.write_json(memory, known, needed=False)
    return base_of(line, known)


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
