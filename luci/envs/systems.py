"""An interpreter that the person names, as it is: nothing is installed, it is only asked what it has."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from luci.envs import files
from luci.envs.backends import Backend
from luci.envs.interpreters import Interpreter
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
from luci.envs.terms import Terms
from luci.errors import EnvError
from luci.events import Event

if TYPE_CHECKING:
    from luci.envs.backends import Ability

RECORD = "system.json"
_THERE = (
    "import importlib.util, json, sys\n"
    "def there(name):\n"
    "    try: return importlib.util.find_spec(name) is not None\n"
    "    except (ImportError, ValueError): return False\n"
    "print(json.dumps([name for name in sys.argv[1:] if there(name)]))"
)
_INSTALLED = (
    "import json\n"
    "from importlib.metadata import distributions\n"
    "print(json.dumps({d.metadata['Name']: d.version for d in distributions() if d.metadata['Name']}))"
)


class System(Backend):
    """The kind `system`: see luci.envs.backends. Its folder holds no more than what luci knows of the interpreter."""

    can: frozenset[Ability] = frozenset(("requirements", "pep723", "environment.yml", "dockerfile", "shell"))

    @contextlib.contextmanager
    def making(self, folder: Path, python: Interpreter) -> Iterator[None]:
        (folder / "lib" / f"python{python.short}" / "site-packages").mkdir(parents=True)
        (folder / "bin").mkdir()
        yield

    def install(
        self, spec: EnvSpec, folder: Path, sources: Sources, terms: Terms, stop: Callable[[], bool]
    ) -> Iterator[Event]:
        yield from ()
        (folder / "bin" / "python").symlink_to(spec.base)
        files.write_json(folder / RECORD, {"python": spec.base})

    def python(self, folder: Path, asked: Interpreter) -> tuple[str, str]:
        return os.readlink(folder / "bin" / "python"), asked.version

    def witness(self, folder: Path) -> Path:
        return folder / RECORD

    def installed(self, folder: Path) -> dict[str, str]:
        from packaging.utils import canonicalize_name

        told = json.loads(_said(os.readlink(folder / "bin" / "python"), _INSTALLED))
        return dict(sorted((str(canonicalize_name(name)), version) for name, version in told.items()))


def there(python: str, modules: Iterable[str]) -> frozenset[str]:
    """Return those of the modules that an interpreter has. None of them is imported, but the packages they are in."""
    return frozenset(json.loads(_said(python, _THERE, *sorted(set(modules)))))


def _said(python: str, code: str, *words: str) -> str:
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    try:
        done = subprocess.run(
            [python, "-I", "-c", code, *words], capture_output=True, text=True, errors="replace", check=False,
            env=environ, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise EnvError(f"{python} cannot be started.", cause=str(error)) from error
    if done.returncode:
        raise EnvError(f"{python} did not say what it has.", cause=done.stderr.strip())
    return done.stdout
