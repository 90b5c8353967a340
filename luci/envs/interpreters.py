"""Which Pythons are here: each candidate is run once and asked, what it said is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from luci import paths
from luci.envs import files
from luci.errors import EnvError

if TYPE_CHECKING:
    from packaging.tags import Tag

OLDEST = (3, 6)  # older ones cannot use what today's tools write
_PATIENCE = 10  # seconds for one candidate to answer

_ASK = (
    "import json, os, platform, sys, sysconfig;"
    "print(json.dumps(dict(version='.'.join(map(str, sys.version_info[:3])), final=sys.version_info[3] == 'final',"
    " implementation=sys.implementation.name, platform=sysconfig.get_platform(), os_name=os.name,"
    " sys_platform=sys.platform, free_threaded=bool(sysconfig.get_config_var('Py_GIL_DISABLED')),"
    " executable=os.path.realpath(getattr(sys, '_base_executable', '') or sys.executable)"
    " if os.name != 'nt' else getattr(sys, '_base_executable', '') or sys.executable)))"
)


@dataclass(frozen=True)
class Interpreter:
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
    def tags(self) -> frozenset[Tag]:
        """The wheel tags it can install (PEP 425)."""
        from packaging import tags  # 10 ms, and only a plan that reads the index needs it

        platforms = list(tags.platform_tags())
        if self.implementation == "cpython":
            own = tags.cpython_tags(self.minor, platforms=platforms)
            name: str | None = "cp{}{}".format(*self.minor)
        else:
            own, name = tags.generic_tags(platforms=platforms), None
        return frozenset([*own, *tags.compatible_tags(self.minor, name, platforms)])


def find() -> list[Interpreter]:
    """Return the Pythons of this machine, the newest final CPython first, one for each version."""
    found: dict[tuple[str, str, bool], Interpreter] = {}
    for interpreter in _asked(_candidates()):
        if interpreter.minor >= OLDEST:
            found.setdefault((interpreter.version, interpreter.implementation, interpreter.free_threaded), interpreter)
    return sorted(found.values(), key=_preference, reverse=True)


def _preference(python: Interpreter) -> tuple[bool, bool, bool, tuple[int, ...]]:
    plain = python.implementation == "cpython"
    return plain, not python.free_threaded, python.final, tuple(int(n) for n in python.version.split("."))


def choose(wanted: str) -> Interpreter:
    """Return the Python that `wanted` names: a path, a version ("3.12", "3.12.4"), a specifier (">=3.10") or a
    command ("python3.12"). Raises EnvError where there is none."""
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
    full = str(Path(path).expanduser().absolute())
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
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    name = wanted.lower().removeprefix("python").removeprefix("cpython").lstrip("@-")
    if name.startswith("pypy"):
        return python.implementation == "pypy" and python.version.startswith(name[4:])
    if not name:
        return True
    text = name if name[0] in "<>=!~" else f"=={name}.*" if name.count(".") < 2 else f"=={name}"
    try:
        return SpecifierSet(text).contains(python.version, prereleases=True)
    except InvalidSpecifier:
        raise EnvError(f"--python {wanted} is neither a version nor a path.") from None


def _candidates() -> Iterator[str]:
    """Every path that may be a Python, as a person's own shell and tools would find them."""
    yield getattr(sys, "_base_executable", "") or sys.executable
    names = [f"python3.{minor}" for minor in range(30, OLDEST[1] - 1, -1)]
    names += ["python3", "python", "pypy3"]
    for folder in os.get_exec_path():
        there = files.listing(folder)
        for name in names:
            for file in (name, f"{name}.exe"):
                if file in there:
                    yield os.path.join(folder, file)
    for root in _roots():
        for version in sorted(files.listing(root), reverse=True):
            for tail in ("bin/python3", "bin/pypy3", "python.exe"):
                yield os.path.join(root, version, tail)
    if os.name == "nt":
        yield from _launcher()


def _roots() -> Iterator[str]:
    """Folders that hold one Python a folder: pyenv's and uv's."""
    home = Path.home()
    pyenv = os.environ.get("PYENV_ROOT") or str(home / ".pyenv")
    yield os.path.join(pyenv, "versions")
    yield os.path.join(pyenv, "pyenv-win", "versions")
    if chosen := os.environ.get("UV_PYTHON_INSTALL_DIR"):
        yield chosen
    yield os.path.join(os.environ.get("XDG_DATA_HOME") or str(home / ".local" / "share"), "uv", "python")
    if os.name == "nt":
        yield os.path.join(os.environ.get("APPDATA", ""), "uv", "python")


def _launcher() -> Iterator[str]:
    """The Pythons that the Windows launcher knows (PEP 397). Not tested: there is no Windows here."""
    try:
        told = subprocess.run(["py", "-0p"], capture_output=True, text=True, timeout=_PATIENCE, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in told.splitlines():
        path = line.rsplit("  ", 1)[-1].strip()
        if path.lower().endswith(".exe"):
            yield path


def _asked(candidates: Iterable[str]) -> list[Interpreter]:
    """Return what each candidate says it is, in order; those that fail, as shims may, are left out."""
    memory = paths.cache() / f"interpreters-{zlib.crc32(_ASK.encode()):08x}.json"  # answers to this very question
    known = files.read_sealed(memory)
    stamps = {path: stamp for path in candidates if (stamp := _stamp(path))}
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


def _stamp(path: str) -> str:
    """Tell one state of a file from another. A shim answers by what is configured around it, so that counts too."""
    try:
        info = os.stat(path)
    except OSError:
        return ""
    if info.st_size > 20_000:
        return f"{info.st_mtime_ns}.{info.st_size}"
    around = [os.environ.get("PYENV_VERSION", ""), os.path.join(os.environ.get("PYENV_ROOT", ""), "version")]
    return f"{info.st_mtime_ns}.{info.st_size}.{around[0]}.{files.mtime(around[1])}"


def _start(path: str) -> subprocess.Popen[str] | None:
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
