"""Virtual environments: made by uv, by virtualenv where uv cannot, with luci's start-up hook inside."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from luci import kept, paths
from luci.envs import files
from luci.envs.backends import Backend
from luci.envs.interpreters import Interpreter
from luci.envs.naming import canonical_name
from luci.errors import EnvError

if TYPE_CHECKING:
    from luci.envs.backends import Ability
    from luci.envs.sources import Sources
    from luci.envs.spec import EnvSpec
    from luci.envs.terms import Terms
    from luci.events import Event

HOOK = Path(__file__).parent / "hook"
HOOK_FILES = ("_luci_hook.py", "_luci_report.py", "_luci_matplotlib.py")


class Venv(Backend):
    """The kind `venv`: see luci.envs.backends."""

    can: frozenset[Ability] = frozenset(
        ("update", "requirements", "pylock", "pep723", "environment.yml", "dockerfile", "shell")
    )

    @contextlib.contextmanager
    def making(self, folder: Path, python: Interpreter) -> Iterator[None]:
        from luci.envs import installer

        create(folder, python, installer.find_uv())
        with compiling_hook(folder, python):
            yield
        add_pip(folder)

    def install(
        self, spec: EnvSpec, folder: Path, sources: Sources, terms: Terms, stop: Callable[[], bool]
    ) -> Iterator[Event]:
        from luci.envs import installer

        yield from installer.install(spec, folder, sources, terms, stop)


def create(folder: Path, python: Interpreter, uv: str | None) -> None:
    """Make an empty environment at `folder`, which must not be there yet. Raises EnvError, leaving no half of one."""
    import subprocess  # 8 ms, and only building needs it

    folder.parent.mkdir(parents=True, exist_ok=True)
    said = []
    for command in _commands(folder, python, uv):
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, cwd=folder.parent)
        if done.returncode == 0 and python_of(folder).exists():
            furnish(folder)
            return
        said.append((done.stderr or done.stdout).strip())
        files.discard(folder)
    raise EnvError(f"No environment could be made with Python {python.version}.", cause="\n".join(said))


def _commands(folder: Path, python: Interpreter, uv: str | None) -> list[list[str]]:
    own = [sys.executable, "-P", "-m", "virtualenv", "--quiet", "--no-seed", "--no-periodic-update"]
    virtualenv = [*own, "--python", python.path, str(folder)]
    if uv is None:
        return [virtualenv]
    return [[uv, "venv", "--quiet", "--no-project", "--python", python.path, "--", str(folder)], virtualenv]


def furnish(folder: Path) -> None:
    """Put in the hook that brings luci back, and the pip that takes a need to a new plan."""
    import shutil

    site = site_packages(folder)
    for name in HOOK_FILES:
        shutil.copy2(HOOK / name, site)  # with its time, which a compiled one names
    (site / "_luci_hook.pth").write_text("import _luci_hook\n")
    (site / "__pycache__").mkdir(exist_ok=True)  # so that running changes nothing in the folder itself
    need = [sys.executable, "-P", "-E", "-m", "luci", "_need"]
    (folder / "luci-command.json").write_text(json.dumps({"need": need}))


@contextlib.contextmanager
def compiling_hook(folder: Path, python: Interpreter) -> Iterator[None]:
    """Have the hook compiled meanwhile, or as it was for an earlier environment with this Python: a start under
    PYTHONDONTWRITEBYTECODE would parse it each time."""
    site = site_packages(folder)
    state = [python.path, python.version, *(kept.stamp(str(HOOK / name)) for name in HOOK_FILES)]
    place = str(paths.cache() / "hook" / kept.digest(repr(state).encode("utf-8", "surrogateescape")))
    if known := kept.load(place):
        for name, compiled in known.items():
            (site / "__pycache__" / name).write_bytes(compiled)
        yield
        return
    import subprocess

    names = [str(site / name) for name in HOOK_FILES]
    code = "import py_compile, sys\nfor name in sys.argv[1:]: py_compile.compile(name)"
    quiet = subprocess.DEVNULL
    with subprocess.Popen([python.path, "-I", "-S", "-c", code, *names], stdout=quiet, stderr=quiet):
        yield
    made = {path.name: path.read_bytes() for path in (site / "__pycache__").glob("_luci_*.pyc")}
    if len(made) == len(names):
        kept.save(place, made)


def refresh_hook(folder: Path) -> None:
    """Give an environment that an earlier luci built the hook that this one understands."""
    site = site_packages(folder)
    sealed = files.mtime(site)
    try:
        for name in HOOK_FILES:
            mine = (HOOK / name).read_bytes()
            if not (site / name).exists() or (site / name).read_bytes() != mine:
                files.write(site / name, mine)
                os.utime(site, ns=(sealed, sealed))  # to those who look whether packages were altered, it is as it was
    except OSError:  # a read-only store keeps what it has
        return


def add_pip(folder: Path) -> None:
    """Give the environment luci's own pip, unless a real one was asked for."""
    site = site_packages(folder)
    if any(name.startswith("pip-") for name in files.listing(site)):
        return
    import shutil

    shutil.copytree(HOOK / "pip", site / "pip", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for source in (site / "pip").rglob("*.py"):
        (source.parent / "__pycache__").mkdir(exist_ok=True)
    if os.name != "nt":
        script = folder / "bin" / "pip"
        script.write_text('#!/bin/sh\nexec "${0%/*}/python" -m pip "$@"\n')
        script.chmod(0o755)


def python_of(folder: Path) -> Path:
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def site_packages(folder: Path) -> Path:
    """Return where the environment's packages lie. Raises EnvError where there is no such folder."""
    if os.name == "nt":
        return folder / "Lib" / "site-packages"
    for lib in sorted(files.listing(folder / "lib")):
        site = folder / "lib" / lib / "site-packages"
        if site.is_dir():
            return site
    raise EnvError(
        f"{folder} is not an environment.", hint="`luci env verify` finds such, `luci env rebuild` mends them."
    )


def installed(folder: Path) -> dict[str, str]:
    """Return {canonical name: version} of what is installed, read from the names of the .dist-info folders."""
    found = {}
    for name in files.listing(site_packages(folder)):
        if name.endswith(".dist-info"):
            distribution, _, version = name.removesuffix(".dist-info").rpartition("-")
            found[canonical_name(distribution)] = version
    return dict(sorted(found.items()))
