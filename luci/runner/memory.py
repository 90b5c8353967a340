"""What earlier runs of a script taught, and where its environment is: one small file a script.

The warm part lets the next run start without a plan: it holds the state of every file the plan was read from.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from luci import __version__, paths
from luci.envs import files
from luci.envs.store import Env
from luci.runner import warm as warming
from luci.runner.script import Script
from luci.values import Value, anew, as_dict, fields

FORMAT = 1


class Memory(Value):
    """`key` is that of the environment it last ran in. `modules` and shared `libraries` were found missing in a run,
    `conda` are distributions of a channel with which an environment could be built where there was none as a venv,
    `limits` are releases that still had what was missing, `python` is a specifier and `as_of` a day that a failure
    taught; `approved` are distributions that a person let in for this script, `names` the modules they are for, and
    `variables` the lines NAME=value that were let in."""

    script: str = ""
    key: str = ""
    modules: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    names: dict[str, str] = anew(dict)
    requirements: tuple[str, ...] = ()
    limits: dict[str, str] = anew(dict)
    approved: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    python: str = ""
    as_of: str = ""
    warm: dict[str, Any] = anew(dict)


def place(script: Script) -> Path:
    """A script without a file is known by its text and the folder it runs in, which decides what is beside it."""
    told = str(script.path) if script.path else os.fsencode(script.folder) + b"\0" + script.source
    return Path(warming.place(str(paths.state()), script.kind, told))


def load(script: Script) -> Memory:
    return read(place(script)) or Memory(script=str(script.path or ""))


def save(script: Script, memory: Memory) -> None:
    write(place(script), memory)


def write(path: Path, memory: Memory) -> None:
    """Keep a memory, on a disk that takes it; never in the place of one that another version of luci wrote."""
    if not _is_foreign(path):
        files.write_sealed(path, {"format": FORMAT, **as_dict(memory)})


def trouble(script: Script) -> str:
    """Return why nothing is remembered of a script where something was; empty where all is well."""
    path = place(script)
    if _is_foreign(path):
        return f"What another version of luci remembers of {script.name} is left alone; nothing new is remembered."
    if os.path.isfile(path) and not files.read_sealed(path):
        return f"What luci remembered of {script.name} was damaged; it is learnt anew."
    return ""


def _is_foreign(path: Path) -> bool:
    return bool(files.read_json(path).get("format", FORMAT) != FORMAT)


def read(path: Path) -> Memory | None:
    record = files.read_sealed(path)
    if record.get("format") != FORMAT:
        return None
    told = {name: tuple(v) if isinstance(v, list) else v for name, v in record.items() if name in fields(Memory)}
    right = {n: v for n, v in told.items() if isinstance(v, type(getattr(Memory(), n)))}
    return Memory(**right)


# -- the warm part


def warm(
    env: Env, read: Iterable[str], absent: Iterable[str], roots: Iterable[str], environ: dict[str, str]
) -> dict[str, Any]:
    """Return what must still be so for `env` to be right: the files that were read, those that were not there, and the
    names of the requirements files in `roots`."""
    return {
        "version": __version__,
        "env": str(env.root),
        "generation": env.generation,
        "key": env.key,
        "requirements": list(env.spec.requirements),
        "python": env.version,
        "interpreter": env.interpreter,
        "files": {path: warming.stamp(path) for path in read},
        "absent": sorted(absent),
        "requirements_files": {root: warming.requirements_files(root) for root in roots},
        "environ": environ,
    }
