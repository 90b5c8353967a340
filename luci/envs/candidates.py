"""Every path on this machine that may be a Python, and what tells one state of it from another.

Only the names are looked at here, so it imports nothing that Python has not loaded: see luci.runner.standing.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OLDEST = (3, 6)  # older ones cannot use what today's tools write
_PATIENCE = 10  # seconds for the Windows launcher to answer


def paths() -> Iterator[str]:
    """Every path that may be a Python, as a person's own shell and tools would find them."""
    yield getattr(sys, "_base_executable", "") or sys.executable
    names = [f"python3.{minor}" for minor in range(30, OLDEST[1] - 1, -1)]
    names += ["python3", "python", "pypy3"]
    for folder in os.get_exec_path():
        if behind := _behind_shims(folder):
            yield from _each_of(behind)
            continue
        there = _listing(folder)
        for name in names:
            for file in (name, f"{name}.exe"):
                if file in there:
                    yield os.path.join(folder, file)
    yield from _each_of(_roots())
    if os.name == "nt":
        yield from _launcher()


def _each_of(roots: Iterable[str]) -> Iterator[str]:
    for root in roots:
        for version in sorted(_listing(root), reverse=True):
            for tail in ("bin/python3", "bin/pypy3", "python.exe"):
                yield os.path.join(root, version, tail)


def _behind_shims(folder: str) -> list[str]:
    """Return the folders of Pythons that a folder of shims (pyenv's, asdf's or mise's) chooses from.

    A shim is a script that takes a second of shells to lead to one of them.
    """
    place, name = os.path.split(folder.rstrip(os.sep))
    if name != "shims":
        return []
    roots = (os.path.join(place, "versions"), os.path.join(place, "installs", "python"))
    return [root for root in roots if os.path.isdir(root)]


def _roots() -> Iterator[str]:
    """Folders that hold one Python a folder: pyenv's and uv's."""
    home = os.path.expanduser("~")
    pyenv = os.environ.get("PYENV_ROOT") or os.path.join(home, ".pyenv")
    yield os.path.join(pyenv, "versions")
    yield os.path.join(pyenv, "pyenv-win", "versions")
    if chosen := os.environ.get("UV_PYTHON_INSTALL_DIR"):
        yield chosen
    yield os.path.join(os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share"), "uv", "python")
    if os.name == "nt":
        yield os.path.join(os.environ.get("APPDATA", ""), "uv", "python")


def _launcher() -> Iterator[str]:
    """The Pythons that the Windows launcher knows (PEP 397). Not tested: there is no Windows here."""
    import subprocess

    try:
        told = subprocess.run(["py", "-0p"], capture_output=True, text=True, timeout=_PATIENCE, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in told.splitlines():
        path = line.rsplit("  ", 1)[-1].strip()
        if path.lower().endswith(".exe"):
            yield path


def stamp(path: str) -> str:
    """Tell one state of a file from another. A shim answers by what is configured around it, so that counts too."""
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return ""
    if info.st_size > 20_000:
        return f"{info.st_mtime_ns}.{info.st_size}"
    chosen = os.path.join(os.environ.get("PYENV_ROOT", ""), "version")
    return f"{info.st_mtime_ns}.{info.st_size}.{os.environ.get('PYENV_VERSION', '')}.{_mtime(chosen)}"


def state() -> list[str]:
    """Return every path that is there with its stamp: while this is the same, the same Pythons are found."""
    return [f"{path}|{told}" for path in paths() if (told := stamp(path))]


def _listing(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def _mtime(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
