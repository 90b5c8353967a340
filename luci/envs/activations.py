"""What the packages of a conda environment set for whoever runs in it: read once, when it is made.

Conda runs the scripts of `etc/conda/activate.d` in the person's shell at each activation. Here they run once, in a
shell of their own with hardly a variable set, and what they set is written down; a second time with those variables set
tells which of them keep what the person has, or add to it. A run then starts no shell.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from luci.envs import files

NAME = "luci.json"  # in conda-meta; beside it luci.sh says the same to the launcher
_MARK = "/luci/was/here"  # stands for what the person has
_SECONDS = 60
_OURS = re.compile(
    r"(PATH|HOME|PWD|OLDPWD|SHLVL|_|IFS|PS[1-4]|BASH.*|LUCI_.*|CONDA_.*|PYTHONPATH|PYTHONHOME|VIRTUAL_ENV)"
)
_READS = """\
for file in "$1"/etc/conda/activate.d/*.sh; do
  [ -f "$file" ] && . "$file" >/dev/null 2>&1
done
env -0 >"$2"
"""


def keep(folder: Path) -> str:
    """Write down what the packages in an environment set; return why that failed, empty where it did not."""
    given = _given(folder)
    if not given and not any((folder / "etc/conda/activate.d").glob("*.sh")):
        return ""
    try:
        alone = _activated(folder, given)
        again = _activated(folder, {**given, **dict.fromkeys(alone, _MARK)})
    except (OSError, subprocess.SubprocessError) as error:
        return f"The activation scripts of the conda packages could not be run: {error}"
    told = {name: (value, again.get(name, value)) for name, value in alone.items()}
    files.write_json(folder / "conda-meta" / NAME, {"mark": _MARK, "variables": told})
    lines = [_in_sh(name, *values) for name, values in told.items()]
    files.write((folder / "conda-meta" / NAME).with_suffix(".sh"), "".join(lines).encode("utf-8", "surrogateescape"))
    return ""


def names(folder: Path) -> tuple[str, ...]:
    """Return the variables that an environment sets."""
    return tuple(files.read_json(folder / "conda-meta" / NAME).get("variables", ()))


def _given(folder: Path) -> dict[str, str]:
    """Return what packages set without a script."""
    found: dict[str, str] = {}
    for place in sorted((folder / "etc/conda/env_vars.d").glob("*.json")):
        table = files.read_json(place)
        found |= {name: value for name, value in table.items() if isinstance(value, str) and _may_be_set(name)}
    return found


def _activated(folder: Path, given: dict[str, str]) -> dict[str, str]:
    import tempfile  # 3 ms, and only making an environment needs it

    shell = shutil.which("bash") or "/bin/sh"  # they are mostly written for it
    base = {
        "PATH": f"{folder}/bin{os.pathsep}{os.defpath}",
        "HOME": os.path.expanduser("~"),
        "CONDA_PREFIX": str(folder),
        "CONDA_DEFAULT_ENV": str(folder),
        "CONDA_SHLVL": "1",
    }
    with tempfile.TemporaryDirectory(prefix="luci-") as scratch:
        told = Path(scratch, "told")
        command = [shell, "-c", _READS, "sh", str(folder), str(told)]
        subprocess.run(
            command, env={**base, **given}, cwd=scratch, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=True
        )
        lines = told.read_bytes().decode("utf-8", "surrogateescape").split("\0")
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return {name: value for name, value in found.items() if _may_be_set(name)}


def _may_be_set(name: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)) and not _OURS.fullmatch(name)


def _in_sh(name: str, alone: str, again: str) -> str:
    """Return the line of sh that sets a variable.

    >>> _in_sh("DATA", "/data", "/data:/luci/was/here")
    'if [ -n "${DATA-}" ]; then DATA=/data:"$DATA"; else DATA=/data; fi; export DATA\\n'
    """
    pieces = f'"${name}"'.join(shlex.quote(piece) if piece else "" for piece in again.split(_MARK))
    return f'if [ -n "${{{name}-}}" ]; then {name}={pieces}; else {name}={shlex.quote(alone)}; fi; export {name}\n'
