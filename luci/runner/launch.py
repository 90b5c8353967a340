"""The record by which the sh launcher starts a script: what must still be so, as built-ins of sh can check it.

`state/warm/VERSION/PATH/TO/SCRIPT@` is a file of five lines:

    luci-1 GENERATION KEY CHECKS FILES ABSENT ROOTS INPUT
    the environment's folder
    the file of the script's memory
    PYTHONPATH, or nothing
    end

`state/warm/checks/CHECKS/` proves it. `0` is a link to the environment's env.json, `1` and on are links to the other
files that the plan was read from, and to the memory; `N.t` is an empty file with the time of the file behind link N.
`aN` are links to what was not there; `rN` are links to folders, and `nN/` holds the names of the requirements files in
them. Time tells a file from its older and newer versions, but not from another with the same time: files whose time is
a whole second, as archives leave it, are left to luci.runner.warm, which also looks at size and inode.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from luci import __version__, paths
from luci.envs import files
from luci.runner.warm import stamp

_FILES, _ABSENT = 64, 128  # more than that is quicker checked by luci.runner.warm


def record(word: str, memory_file: Path, warm: dict[str, Any]) -> None:
    """Let `luci run WORD`, said in this folder, start without luci; `warm` is as luci.runner.memory.warm tells it.

    Where that cannot be done, whatever the reason, a warm run starts luci first.
    """
    script = spelt(word)
    warm = {**warm, "files": {**warm["files"], str(memory_file): stamp(str(memory_file))}}
    if not script or sys.platform != "linux":
        return
    place = folder() / __version__ / f"{script[1:]}@"
    forget(place)
    if any(warm["environ"].values()):
        return  # the launcher looks whether these variables are empty, and for no values
    with contextlib.suppress(OSError, UnicodeError):  # a long name, a full disk: the way through Python is there
        checks = folder() / "checks" / os.urandom(8).hex()
        checks.mkdir(parents=True)
        if not _write_checks(checks, warm):
            shutil.rmtree(checks, ignore_errors=True)
            return
        counts = [len(_present(warm)), len(_missing(warm)), len(warm["requirements_files"])]
        uncertain = warm["reads_stdin"] and not warm.get("proven")
        first = ["luci-1", f"g{warm['generation']}", warm["key"], checks.name, *counts, "pipe" if uncertain else "any"]
        lines = [" ".join(map(str, first)), warm["env"], str(memory_file), os.pathsep.join(warm["paths"]), "end"]
        if any("\n" in line for line in lines):
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_name(f".{os.getpid()}@new")
        new.write_bytes(b"".join(os.fsencode(line) + b"\n" for line in lines))
        os.replace(new, place)


def spelt(word: str) -> str:
    """Return the path that the launcher makes of a script's name, "" where it leaves the name to Python."""
    path = os.path.join(_here(), word.removeprefix("./"))
    plain = not {"", ".", ".."} & set(path[1:].split("/")) and path.startswith("/") and not path.startswith("//")
    return path if plain else ""


def _here() -> str:
    """The working folder as a shell names it: by PWD, where that is true."""
    said = os.environ.get("PWD", "")
    with contextlib.suppress(OSError):
        if os.path.isabs(said) and os.path.samefile(said, "."):
            return said
    return os.getcwd()


def forget(place: Path) -> None:
    """Drop one record; a launcher that has just read it finds its checks gone."""
    told = _told(place)
    with contextlib.suppress(OSError):  # a read-only disk: what the record speaks of is looked at all the same
        place.unlink(missing_ok=True)
    if told:
        shutil.rmtree(folder() / "checks" / told, ignore_errors=True)


def sweep() -> None:
    """Drop the records of scripts that are gone, those of another version, and checks that no record speaks of."""
    used = set()
    for name in files.listing(folder()) - {"checks", __version__}:
        shutil.rmtree(folder() / name, ignore_errors=True)
    root = folder() / __version__
    for parent, _, names in os.walk(root):
        for place in (Path(parent) / name for name in names):
            script = Path("/", *place.relative_to(root).parts[:-1], place.name.removesuffix("@"))
            if os.path.lexists(script):
                used.add(_told(place))
            else:
                forget(place)
    for name in files.listing(folder() / "checks") - used:
        if (
            time.time_ns() - files.mtime(folder() / "checks" / name) > 60e9
        ):  # a younger one may be about to be spoken of
            shutil.rmtree(folder() / "checks" / name, ignore_errors=True)


def folder() -> Path:
    return paths.state() / "warm"


def _told(place: Path) -> str:
    """Return the name of a record's checks; "" where there is none that can be one."""
    with contextlib.suppress(OSError, IndexError):
        name = place.read_bytes().split(b"\n")[0].split(b" ")[3].decode("ascii", "replace")
        return name if name.isalnum() else ""
    return ""


def _write_checks(checks: Path, warm: dict[str, Any]) -> bool:
    """Write what the launcher looks at; return whether it proves enough."""
    present, missing = _present(warm), _missing(warm)
    if len(present) > _FILES or len(missing) > _ABSENT or not all(map(os.path.isabs, (*present, *missing))):
        return False
    second = 1_000_000_000
    times = {"early": second, "late": second + 1_000_000}
    for number, (path, (changed, *_)) in enumerate(present.items()):
        if changed % second == 0 and path != warm["interpreter"]:
            return False
        os.symlink(path, checks / str(number))
        times[f"{number}.t"] = changed
    for number, path in enumerate(missing):
        os.symlink(path, checks / f"a{number}")
    for number, (root, names) in enumerate(warm["requirements_files"].items()):
        os.symlink(root, checks / f"r{number}")
        (checks / f"n{number}").mkdir()
        for name in (*names, "count-" + "x" * len(names)):
            (checks / f"n{number}" / name).touch()
    return all(_stamped(checks / name, when) for name, when in times.items())


def _stamped(path: Path, when: int) -> bool:
    """Make an empty file of that time (nanoseconds), and see whether the disk keeps it so."""
    path.touch()
    os.utime(path, ns=(when, when))
    return files.mtime(path) == when


def _present(warm: dict[str, Any]) -> dict[str, list[int]]:
    """Return the stamps of the files that were there, the environment's record first."""
    first = f"{warm['env']}/env.json"
    there: Iterable[tuple[str, list[int]]] = ((path, stamp) for path, stamp in warm["files"].items() if stamp)
    return dict(sorted(there, key=lambda item: item[0] != first))


def _missing(warm: dict[str, Any]) -> list[str]:
    return [*(path for path, stamp in warm["files"].items() if not stamp), *warm["absent"]]
