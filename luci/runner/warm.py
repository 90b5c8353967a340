"""Start a script whose environment is known and whose files have not changed: nothing to decide, nothing to import.

This module is the whole way of a warm `luci run SCRIPT`, so it imports only what Python has loaded anyway, and json.
"""

from __future__ import annotations

import os
import sys

from luci import __version__, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def start(words: list[str]) -> None:
    """Become the script of `luci run SCRIPT [ARGS...]` if its memory is still true; else return and change nothing."""
    if len(words) < 2 or words[0] != "run" or words[1].startswith("-") or sys.platform != "linux":
        return
    try:
        script = os.path.abspath(words[1])
    except FileNotFoundError:
        return  # the working folder is gone
    state = paths.text("state")
    remembered = place(state, "file", script)
    memory = _read(remembered)
    warm = memory.get("warm")
    if not warm or memory.get("format") != 1 or (warm.get("ordinary") and not warm.get("box")):
        return
    if not warm.get("box") and not _plain_stdin(warm):
        return
    if not _is_in_this_home(warm["env"]):
        return
    if os.getpid() % 64 == 0 or os.path.lexists(f"{state}/running/{os.getpid()}"):
        return  # now and then the ordinary way, which tidies up
    root, marker = warm["env"], f"{warm['env']}/uses/{os.getpid()}"
    try:
        with open(marker, "wb"):
            pass
    except OSError:
        return
    if not still_true(warm):  # looked at after the marker is there: see luci.envs.uses
        os.unlink(marker)
        return
    folder = f"{root}/g{warm['generation']}"
    begun = f"{state}/running/{os.getpid()}"
    _write_begun(begun, words, warm["key"], remembered, script)
    if warm.get("box"):
        from luci.runner import boxed_again

        code = boxed_again.start(warm["box"], words, warm["paths"], begun, state, _is_pipe(0))
        for left in (marker, begun) if code is None else (marker,):
            if os.path.exists(left):
                os.unlink(left)
        if code is None:
            return
        sys.stdout.flush()
        os._exit(code)
    environ = activated(folder, dict(os.environ), warm["paths"])
    environ |= warm.get("variables", {})
    environ["LUCI_MEMORY"] = remembered
    environ["LUCI_RUN"] = f"{os.getpid()}:exec:{begun}"
    python = f"{folder}/bin/python"
    try:
        os.execve(python, [python, *words[1:]], environ)
    except OSError:
        os.unlink(marker)  # the ordinary way finds it broken, and builds it again


def place(state: str, kind: str, told: str | bytes) -> str:
    """Return the file in which the memory of a script lies: named by its path, or its text where it has none."""
    from luci.kept import sha256_of

    named = told if isinstance(told, bytes) else told.encode("utf-8", "surrogateescape")
    return f"{state}/scripts/{sha256_of(kind.encode() + b':' + named)[:24]}.json"


def stamp(path: str) -> list[int]:
    """Tell one state of a file from another: a change, a replacement, a missing file."""
    try:
        info = os.stat(path)
    except OSError:
        return []
    return [info.st_mtime_ns, info.st_size, info.st_ino]


def _is_in_this_home(root: str) -> bool:
    """Whether an environment is this home's: a copy of a home remembers the places of the other."""
    try:
        return os.path.samefile(root, os.path.join(paths.text("data"), "envs", os.path.basename(root)))
    except OSError:
        return False


def still_true(record: dict[str, Any]) -> bool:
    """Whether nothing that the warm part of a memory speaks of has changed."""
    return (
        record.get("version") == __version__
        and all(os.environ.get(name, "") == value for name, value in record["environ"].items())
        and all(stamp(path) == known for path, known in record["files"].items())
        and not any(os.path.lexists(path) for path in record["absent"])
        and all(requirements_files(root) == names for root, names in record["requirements_files"].items())
    )


def requirements_files(folder: str) -> list[str]:
    try:
        return sorted(n for n in os.listdir(folder) if n.startswith("requirements") and n.endswith(".txt"))
    except OSError:
        return []


def activated(folder: str, base: dict[str, str], extra_paths: list[str] | tuple[str, ...] = ()) -> dict[str, str]:
    """Return the variables a process in an environment gets: its commands first, nothing of the host's Python."""
    left_out = {"PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV_PROMPT"}
    environ = {name: value for name, value in base.items() if name not in left_out}
    if "CONDA_PREFIX" in environ:
        _take_back(environ)
    commands = os.path.join(folder, "Scripts" if os.name == "nt" else "bin")
    before = environ.get("LUCI_COMMANDS", "") + os.pathsep  # of an earlier attempt, or of the script that runs this one
    path = environ.get("PATH", os.defpath).removeprefix(before)
    environ |= {"LUCI_COMMANDS": commands, "PATH": f"{commands}{os.pathsep}{path}"}
    if os.path.isdir(f"{folder}/conda-meta"):  # as conda would have it
        environ.pop("VIRTUAL_ENV", None)
        environ |= {"CONDA_PREFIX": folder, "CONDA_DEFAULT_ENV": folder, "CONDA_SHLVL": "1"}
        environ |= _set_by_packages(folder, environ)
    else:
        environ["VIRTUAL_ENV"] = folder
    if extra_paths:
        environ["PYTHONPATH"] = os.pathsep.join(extra_paths)
    return environ


def _set_by_packages(folder: str, environ: dict[str, str]) -> dict[str, str]:
    """Return what the packages of a conda environment set: see luci.envs.activations."""
    mark, variables = _activations(folder)
    return {
        name: again.replace(mark, environ[name]) if environ.get(name) else alone
        for name, (alone, again) in variables.items()
    }


def _take_back(environ: dict[str, str]) -> None:
    """Take back what the packages of another conda environment set: of an earlier attempt, or of who runs this one."""
    mark, variables = _activations(environ.get("CONDA_PREFIX", ""))
    for name, (alone, again) in variables.items():
        before, _, after = again.partition(mark)
        value = environ.get(name, "")
        if value in (alone, again):
            environ.pop(name, None)
        elif mark in again and value.startswith(before) and value.endswith(after):
            environ[name] = value[len(before) : len(value) - len(after)]


def _activations(folder: str) -> tuple[str, dict[str, list[str]]]:
    try:
        with open(f"{folder}/conda-meta/luci.json", "rb") as file:
            content = file.read()
        import json

        told = json.loads(content)
        return told["mark"], told["variables"]
    except (OSError, ValueError, KeyError, TypeError):
        return "", {}  # they set nothing, or it is no environment of luci's


def _read(path: str) -> dict[str, Any]:
    import json
    import zlib

    try:
        with open(path, "rb") as file:
            content = file.read()
        seal, text = content[: len(b'{"sum":"01234567",')], content[len(b'{"sum":"01234567",') :]
        if seal != b'{"sum":"%08x",' % zlib.crc32(b"{" + text):  # as luci.envs.files seals it
            return {}
        value = json.loads(content)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _plain_stdin(warm: dict[str, Any]) -> bool:
    """Whether a second attempt would lose nothing of the input: see luci.runner.run."""
    return warm.get("proven") or not warm.get("reads_stdin") or not _is_pipe(0)


def _is_pipe(fd: int) -> bool:
    import stat

    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _write_begun(begun: str, words: list[str], key: str, remembered: str, script: str) -> None:
    """Write that this run began, and what luci needs if the hook brings it back, as the sh launcher writes it."""
    resume = [sys.executable, "-P", "-E", "-m", "luci", "_resume"]
    try:
        os.makedirs(os.path.dirname(begun), exist_ok=True)  # who was to make it may have been killed before
        with open(begun, "xb") as file:  # a file of this name is an earlier run's, not yet in the record
            file.write(b"".join(os.fsencode(word) + b"\0" for word in (*resume, "", key, remembered, script, *words)))
    except OSError:
        pass  # a disk that takes no record stops no script
