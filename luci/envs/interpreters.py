"""Which Pythons are here: each candidate is run once and asked, what it said is kept."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from luci import kept, paths
from luci.envs import candidates, files, fitting
from luci.envs.candidates import OLDEST
from luci.errors import EnvError
from luci.values import Value

if TYPE_CHECKING:
    import subprocess

_PATIENCE = 10  # seconds for one candidate to answer

_ASK = (
    "import json, os, platform, sys, sysconfig;"
    "print(json.dumps(dict(version='.'.join(map(str, sys.version_info[:3])), final=sys.version_info[3] == 'final',"
    " implementation=sys.implementation.name, platform=sysconfig.get_platform(), os_name=os.name,"
    " sys_platform=sys.platform, free_threaded=bool(sysconfig.get_config_var('Py_GIL_DISABLED')),"
    " executable=os.path.realpath(getattr(sys, '_base_executable', '') or sys.executable)"
    " if os.name != 'nt' else getattr(sys, '_base_executable', '') or sys.executable)))"
)


class Interpreter(Value):
    """A Python that environments can be made from. `path` is never inside a virtual environment."""

    path: str
    version: str
    implementation: str
    platform: str
    sys_platform: str
    os_name: str
    final: bool = True
    free_threaded: bool = False

    @property
    def minor(self) -> tuple[int, int]:
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    @property
    def short(self) -> str:
        """As in "3.12", the form that goes into a key."""
        return "{}.{}".format(*self.minor)

    @cached_property
    def tags(self) -> frozenset[str]:
        """The wheel tags it can install (PEP 425), as they are written."""
        place = str(paths.cache() / "tags" / f"{self.implementation}-{self.short}")
        known = kept.load(place)
        if known is None:
            known = sorted(self._tags())
            kept.save(place, known)
        return frozenset(known)

    def _tags(self) -> set[str]:
        from packaging import tags  # 20 ms

        platforms = list(tags.platform_tags())
        if self.implementation == "cpython":
            own = tags.cpython_tags(self.minor, platforms=platforms)
            name: str | None = "cp{}{}".format(*self.minor)
        else:
            own, name = tags.generic_tags(platforms=platforms), None
        return {str(tag) for tag in (*own, *tags.compatible_tags(self.minor, name, platforms))}


def find() -> list[Interpreter]:
    """Return the Pythons of this machine, the newest final CPython first, one for each version."""
    found: dict[tuple[str, str, bool], Interpreter] = {}
    for interpreter in _asked(candidates.paths()):
        if interpreter.minor >= OLDEST:
            found.setdefault((interpreter.version, interpreter.implementation, interpreter.free_threaded), interpreter)
    return sorted(found.values(), key=_preference, reverse=True)


def _preference(python: Interpreter) -> tuple[bool, bool, bool, tuple[int, ...]]:
    plain = python.implementation == "cpython"
    return plain, not python.free_threaded, python.final, tuple(int(n) for n in python.version.split("."))


def choose(wanted: str, among: list[Interpreter] | None = None) -> Interpreter:
    """Return the Python that `wanted` names: a path, a version ("3.12", "3.12.4"), a specifier (">=3.10") or a
    command ("python3.12"); of those of this machine, or of `among`. Raises EnvError where there is none."""
    if among is not None:
        matching = [p for p in among if _matches(p, wanted)]
        if matching:
            return matching[0]
        raise EnvError(
            f"There is no Python {wanted} to choose from.",
            cause=f"There are {', '.join(p.version for p in among)}.",
            hint="Choose one of these with --python.",
        )
    if os.sep in wanted or (os.altsep and os.altsep in wanted):
        return _at(wanted)
    here = find()
    matching = [p for p in here if _matches(p, wanted)]
    if matching:
        return matching[0]
    raise EnvError(
        f"Python {wanted} is not on this machine.",
        cause=f"Here are {', '.join(p.version for p in here) or 'none'}.",
        hint="Install it, or choose one of these with --python.",
    )


def _at(path: str) -> Interpreter:
    full = str(Path(os.path.expanduser(path)).absolute())
    for interpreter in _asked([full]):
        if interpreter.minor < OLDEST:
            raise EnvError(
                f"{path} is Python {interpreter.version}; luci needs {OLDEST[0]}.{OLDEST[1]} or later for a script."
            )
        return interpreter
    raise EnvError(
        f"{path} is not a Python that can be run.",
        hint="Give --python a version such as 3.12, or the path of a python.",
    )


def _matches(python: Interpreter, wanted: str) -> bool:
    name = wanted.lower().removeprefix("python").removeprefix("cpython").lstrip("@-")
    if name.startswith("pypy"):
        return python.implementation == "pypy" and python.version.startswith(name[4:])
    if not name:
        return True
    text = name if name[0] in "<>=!~" else f"=={name}.*" if name.count(".") < 2 else f"=={name}"
    try:
        return fitting.satisfies(python.version, text)
    except ValueError:
        raise EnvError(f"--python {wanted} is neither a version nor a path.") from None


def _asked(places: Iterable[str]) -> list[Interpreter]:
    """Return what each candidate says it is, in order; those that fail, as shims may, are left out."""
    memory = paths.cache() / f"interpreters-{zlib.crc32(_ASK.encode()):08x}.json"  # answers to this very question
    known = files.read_sealed(memory)
    stamps = {path: stamp for path in places if (stamp := candidates.stamp(path))}
    new = {path: _start(path) for path, stamp in stamps.items() if f"{path}|{stamp}" not in known}
    if new:
        for path, child in new.items():
            known[f"{path}|{stamps[path]}"] = _answer(child)
        files.write_sealed(memory, {place: answer for place, answer in known.items() if answer != _UNHEARD})
    answers = [known[f"{path}|{stamp}"] for path, stamp in stamps.items()]
    found: dict[str, Interpreter] = {}
    for answer in answers:
        if answer:
            path = answer["executable"]
            rest = {name: value for name, value in answer.items() if name != "executable"}
            found.setdefault(path, Interpreter(path=path, **rest))
    return list(found.values())


def _start(path: str) -> subprocess.Popen[str] | None:
    import subprocess  # 5 ms, and only for a Python that was never asked

    environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")}
    try:
        return subprocess.Popen(
            [path, "-I", "-S", "-c", _ASK],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environ,
        )
    except OSError as error:
        if files.is_wanting(error):
            raise
        return None


_UNHEARD: dict[str, str | bool] = {}  # it may answer another time, so that is not kept


def _answer(child: subprocess.Popen[str] | None) -> dict[str, str | bool] | None:
    """Return what a Python says of itself, None where it is none."""
    if child is None:
        return None
    import subprocess

    try:
        told, _ = child.communicate(timeout=_PATIENCE)
        answer = json.loads(told) if child.returncode == 0 else None
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return _UNHEARD
    except ValueError:
        return None
    if child.returncode < 0:
        return _UNHEARD
    return answer if isinstance(answer, dict) else None
